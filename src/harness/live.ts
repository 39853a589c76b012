/** For the examples' tests: Orthancs that end by themselves. */
import { afterAll, afterEach } from "vitest";
import type { Orthanc } from "../orthanc/server.ts";

/**
 * Gives a function that takes note of an Orthanc. It is ended after the test that started it, without waiting:
 * an Orthanc takes three seconds to stop, in which the next test can run. Call it at the top of a test file.
 */
export function endAfterEachTest(): (orthanc: Orthanc) => Orthanc {
  const running: Orthanc[] = [];
  const ending: Promise<void>[] = [];
  afterEach(() => {
    ending.push(...running.splice(0).map((orthanc) => orthanc.stop()));
  });
  afterAll(() => Promise.all(ending));
  return (orthanc) => {
    running.push(orthanc);
    return orthanc;
  };
}
