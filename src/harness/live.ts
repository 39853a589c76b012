/** For the examples' tests: Orthancs that end by themselves. */
import { afterAll, afterEach } from "vitest";
import type { Orthanc } from "../orthanc/server.ts";

const LINES = 40; // of a log that are printed

/**
 * Gives a function that takes note of an Orthanc. It is ended after the test that started it, without waiting:
 * an Orthanc takes three seconds to stop, in which the next test can run. If the test has failed, the end of the
 * Orthanc's log is printed. Call it at the top of a test file.
 */
export function endAfterEachTest(): (orthanc: Orthanc) => Orthanc {
  const running: Orthanc[] = [];
  const ending: Promise<void>[] = [];
  afterEach(async ({ task }) => {
    const started = running.splice(0);
    if (task.result?.state === "fail") {
      for (const orthanc of started)
        console.error((await orthanc.log()).split("\n").slice(-LINES).join("\n"));
    }
    ending.push(...started.map((orthanc) => orthanc.stop()));
  });
  afterAll(() => Promise.all(ending));
  return (orthanc) => {
    running.push(orthanc);
    return orthanc;
  };
}
