/** Tests if Orthanc gives back the memory that requests have taken: version 4.0 of its Python plugin does not. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { residentMemory } from "../../src/linux/memory.ts";
import { findNode } from "../../src/node/node.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";

const MB = 1_000_000;
const QUERY = 12_000; // bytes, which Orthanc still takes
const BODIES = 40;
const CALLBACK = `
import bridge
import orthanc

def serve(output, uri, **request):
    output.AnswerBuffer("done", "text/plain")

orthanc.RegisterRestCallback("/python/x", serve)
`;

let orthanc: Orthanc;
afterEach(() => orthanc?.kill());

/** How much more of it there is after so many requests. */
async function growth(requests: number, target: string, request: object): Promise<number> {
  const send = async () =>
    expect((await (await orthanc.request(target, request)).text()).length).toBeGreaterThan(0);
  for (let count = 0; count < 5; count++) await send();
  const before = residentMemory(orthanc.pid);
  for (let count = 0; count < requests; count++) await send();
  return residentMemory(orthanc.pid) - before;
}

test.each([
  { release: "bookworm", plugin: "4.0", way: "python", kept: true },
  { release: "bookworm", plugin: "4.0", way: "bridge", kept: true },
  { release: "trixie", plugin: "5.0", way: "python", kept: false },
  { release: "trixie", plugin: "5.0", way: "bridge", kept: false },
] as const)(
  "plugin $plugin, by $way: that requests stay in memory is $kept",
  async ({ release, way, kept }) => {
    orthanc = await startOrthanc({
      release,
      script: "plugin.py",
      files: {
        "plugin.py": CALLBACK,
        "bridge.py": await readFile(path.join(import.meta.dirname, "bridge.py"), "utf8"),
        "echo.ts": await readFile(path.join(import.meta.dirname, "fixtures/echo.ts"), "utf8"),
        "package.json": '{ "type": "module" }',
      },
      configuration: { Node: { Script: "echo.ts", Routes: ["/bridge/x"] } },
      environment: (await findNode()).environment,
    });
    // First: the large bodies leave room in the heap.
    const queries = await growth(1_000, `/${way}/x?a=${"x".repeat(QUERY)}`, {});
    const bodies = await growth(BODIES, `/${way}/x`, {
      method: "POST",
      body: Buffer.alloc(MB, "x"),
    });
    if (kept) {
      expect(bodies).toBeGreaterThan(0.9 * BODIES * MB);
      expect(queries).toBeGreaterThan(0.7 * 1_000 * QUERY);
    } else {
      expect(bodies).toBeLessThan(0.3 * BODIES * MB);
      expect(queries).toBeLessThan(0.3 * 1_000 * QUERY);
    }
  },
);
