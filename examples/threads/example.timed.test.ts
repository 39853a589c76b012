/** What threads, and Node's event loop, speed up and what they don't: by ratios within one answer. */
import { expect, test } from "vitest";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { medianOfThree } from "../../src/testing/medianOfThree.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample, startPlugin } = useOrthancs();

const isSlow = (ratio: number) => ratio > 0.6;
const isFast = (ratio: number) => ratio < 0.5;

/** The time of all tasks at once, as a part of their time one after another. */
async function ratio(
  twin: Language,
  path: string,
  isGood: (ratio: number) => boolean,
  replace: Record<string, string> = {},
): Promise<number> {
  const orthanc = await startExample("threads", twin, { replace });
  return medianOfThree(async () => {
    const text = await (await orthanc.request(path)).text();
    const [inTurn = Number.NaN, atOnce = Number.NaN] = [...text.matchAll(/([\d.]+) s/g)].map(
      ([, seconds]) => Number(seconds),
    );
    return atOnce / inTurn;
  }, isGood);
}

test.each(LANGUAGES)("%s: computations at once take as long as in turn", async (twin) => {
  expect(await ratio(twin, "/computation", isSlow)).toSatisfy(isSlow);
});

test.each(LANGUAGES)("%s: waits at once take far less than in turn", async (twin) => {
  const [long, short] = twin === "python" ? ["sleep(0.4)", "sleep(0.2)"] : ["400", "200"];
  expect(await ratio(twin, "/requests", isFast, { [long]: short })).toSatisfy(isFast);
});

test("python: a call of orthanc.* stops all other threads while it lasts", async () => {
  const orthanc = await startPlugin(
    `
import json
import threading
import time
import orthanc

LUA = "local t = os.clock() while os.clock() - t < 1 do end"

def longest_pause(work):
    """The longest time, in seconds, for which another thread did not run during the work."""
    pauses = []
    ends = threading.Event()
    def tick():
        last = time.perf_counter()
        while not ends.is_set():
            time.sleep(0.01)
            now = time.perf_counter()
            pauses.append(now - last)
            last = now
    ticker = threading.Thread(target=tick)
    ticker.start()
    work()
    ends.set()
    ticker.join()
    return max(pauses)

def on_pauses(output, uri, **request):
    in_orthanc = longest_pause(lambda: orthanc.RestApiPost("/tools/execute-script", LUA))
    outside = longest_pause(lambda: time.sleep(1))
    output.AnswerBuffer(json.dumps([in_orthanc, outside]), "application/json")

orthanc.RegisterRestCallback("/pauses", on_pauses)
`,
    { configuration: { ExecuteLuaEnabled: true } },
  );
  const pauses = (await (await orthanc.request("/pauses")).json()) as [number, number];
  expect(pauses[0]).toBeGreaterThan(0.9);
  expect(pauses[1]).toBeLessThan(0.5);
});
