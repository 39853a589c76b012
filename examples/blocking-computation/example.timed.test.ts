import { afterAll, beforeAll, expect, test } from "vitest";
import { readProgram } from "../../src/catalogue/catalogue.ts";
import { startProgram } from "../../src/harness/program.ts";
import { processorTime } from "../../src/linux/processes.js";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { editProgram } from "../../src/testing/editProgram.ts";

let orthanc: Orthanc;
const orthancs = new Map<Language, Orthanc>();
beforeAll(async () => {
  for (const twin of LANGUAGES) {
    const edited = await editProgram("blocking-computation", twin, { "30_000_000": "15_000_000" });
    const program = await readProgram("blocking-computation", twin);
    orthancs.set(twin, await startProgram(program, { edited }));
  }
});
afterAll(() => Promise.all([...orthancs.values()].map((each) => each.kill())));

function choose(twin: Language) {
  orthanc = orthancs.get(twin) as Orthanc;
}

/** The seconds that an answer says its computation took. */
async function computed(): Promise<number> {
  const answer = await orthanc.request("/computation");
  return Number(/for ([\d.]+) seconds/.exec(await answer.text())?.[1]);
}

test.each(LANGUAGES)(
  "%s: Orthanc's built-in routes answer while a callback computes",
  async (twin) => {
    choose(twin);
    let computing = true;
    const computation = computed().finally(() => {
      computing = false;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let call = 0; call < 10; call++) {
      expect((await orthanc.request("/statistics")).status).toBe(200);
    }
    expect(computing).toBe(true);
    await computation;
  },
);

test.each(LANGUAGES)("%s: three calls at once keep one core busy, not three", async (twin) => {
  choose(twin);
  const before = processorTime(orthanc.pid);
  const began = performance.now();
  await Promise.all([computed(), computed(), computed()]);
  const cores = (processorTime(orthanc.pid) - before) / (performance.now() - began);
  expect(cores).toBeLessThan(1.3);
});

test("python: three calls slow each other down, because they share the interpreter", async () => {
  choose("python");
  const single = await computed();
  const together = await Promise.all([computed(), computed(), computed()]);
  for (const seconds of together) expect(seconds).toBeGreaterThan(1.8 * single);
});

test("typescript: each call is as fast as one, because the event loop runs them one after another", async () => {
  choose("typescript");
  const single = await computed();
  const ends: number[] = [];
  const together = await Promise.all(
    [1, 2, 3].map(() => computed().finally(() => ends.push(performance.now() / 1000))),
  );
  for (const seconds of together) expect(seconds).toBeLessThan(1.8 * single);
  const [first = 0, second = 0, third = 0] = ends;
  expect(second - first).toBeGreaterThan(0.5 * single);
  expect(third - second).toBeGreaterThan(0.5 * single);
});
