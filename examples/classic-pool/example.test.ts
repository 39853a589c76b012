import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { workers } from "../../src/harness/workers.ts";
import { processorTime } from "../../src/linux/processes.js";
import { LANGUAGES } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();
/** Short enough for a test, and long enough for a signal to arrive while the task runs. */
const FEWER = { "30_000_000": "3_000_000" };

test("python: the workers are four processes", async () => {
  expect(workers(await startExample("classic-pool", "python"))).toHaveLength(4);
});

test.each(LANGUAGES)("%s: more calls than workers all get the same sum", async (twin) => {
  const orthanc = await startExample("classic-pool", twin, { replace: FEWER });
  const call = async () => (await orthanc.request("/computation")).text();
  const texts = await Promise.all(Array.from({ length: 3 * availableParallelism() + 4 }, call));
  expect(new Set(texts.map((text) => text.split(",")[0]))).toEqual(
    new Set(["8999995500000500000"]),
  );
});

test.each([
  // The call still waits, so Orthanc must be killed.
  ["python", "SIGKILL"],
  ["typescript", "exit code 0"],
] as const)("%s: how Orthanc ends if it is stopped during a call: %s", async (twin, end) => {
  const replace = { "30_000_000": "1_000_000_000_000" };
  const orthanc = await startExample("classic-pool", twin, { replace });
  const call = orthanc.request("/computation").catch(() => undefined);
  await expect.poll(() => processorTime(orthanc.pid), { timeout: 60_000 }).toBeGreaterThan(2000);
  await orthanc.stop();
  expect(await orthanc.ended).toBe(end);
  await call;
});

test.each(LANGUAGES)("%s: Ctrl-C, which reaches all processes, stops Orthanc", async (twin) => {
  const orthanc = await startExample("classic-pool", twin);
  process.kill(-orthanc.pid, "SIGINT");
  expect(await orthanc.ended).toBe("exit code 0");
  expect(await orthanc.stop()).toEqual([]);
});
