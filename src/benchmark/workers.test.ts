/** The statements of the page on workers about crashes, and the benchmark itself. */
import { expect, test } from "vitest";
import { CRASHES, measureWorkers, outlives } from "./workers.ts";

test("a child process ends alone; a thread ends all of Node in native code, and if it is ended while it loads", async () => {
  for (const how of CRASHES) {
    expect(await outlives("process", how), `process: ${how}`).toBe(true);
    expect(await outlives("thread", how), `thread: ${how}`).toBe(
      ["throw", "fill the heap"].includes(how),
    );
  }
});

test("each measure has a number above zero for each way", async () => {
  const measures = await measureWorkers(1);
  expect(measures).toHaveLength(3);
  for (const { title, ways } of measures) {
    for (const { name, median } of ways) expect(median, `${title}: ${name}`).toBeGreaterThan(0);
  }
});
