import { expect, test } from "vitest";
import type { Release } from "../../../src/orthanc/installation.ts";
import { startOrthanc } from "../../../src/orthanc/server.ts";
import { LANGUAGES } from "../../../src/protocol/programs.ts";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();

const SCRIPT = `
import json, orthanc, pickle
from concurrent.futures import ThreadPoolExecutor

def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value

WAYS = {
    "loads": lambda levels: json.loads("[" * levels + "]" * levels),
    "pickle": lambda levels: pickle.dumps(nested(levels)),
    "thread": lambda levels: ThreadPoolExecutor(1).submit(WAYS["loads"], levels).result(),
}

def serve(output, uri, **request):
    WAYS[request["groups"][0]](int(request["get"]["levels"]))
    output.AnswerBuffer("done", "text/plain")

orthanc.RegisterRestCallback("/nested/([a-z]+)", serve)
`;

/** Tells if Orthanc survives a callback with so many levels. */
async function survives(way: string, levels: number, release?: Release): Promise<boolean> {
  const files = { "plugin.py": SCRIPT };
  const orthanc = await startOrthanc({ script: "plugin.py", files, release });
  try {
    const answer = await orthanc.request(`/nested/${way}?levels=${levels}`).catch(() => undefined);
    if (!answer) expect(await orthanc.ended).toBe("SIGSEGV");
    return answer !== undefined;
  } finally {
    await orthanc.kill();
  }
}

test.each([
  { way: "loads", release: undefined },
  { way: "pickle", release: undefined },
  { way: "loads", release: "trixie" },
  { way: "pickle", release: "trixie" },
] as const)(
  "$way, release $release: 400 levels pass, 600 crash Orthanc",
  async ({ way, release }) => {
    expect(await survives(way, 400, release)).toBe(true);
    expect(await survives(way, 600, release)).toBe(false);
  },
);

test("a separate thread has a larger stack, which is not large enough on trixie", async () => {
  expect(await survives("thread", 900, "trixie")).toBe(true);
  expect(await survives("thread", 5000, "trixie")).toBe(false);
});

test.each(LANGUAGES)(
  "%s, fixed: what is no JSON in UTF-8, or no list, is answered with 400",
  async (language) => {
    const orthanc = await startExample("hazards/nested-json", `fixed ${language}`);
    const text = '{"studies": [1, 2]}';
    for (const body of [
      Buffer.from(text, "utf16le"),
      Buffer.from('{"studies": ["\xe9"]}', "latin1"),
      Buffer.from('{"studies": [NaN]}'),
      Buffer.from('{"studies": "ab"}'),
      Buffer.from('{"studies": {"a": 1}}'),
    ]) {
      const answer = await orthanc.request("/studies", { method: "POST", body });
      expect([String(body), answer.status]).toEqual([String(body), 400]);
    }
    const answer = await orthanc.request("/studies", { method: "POST", body: text });
    expect(await answer.text()).toBe("2 studies\n");
  },
);
