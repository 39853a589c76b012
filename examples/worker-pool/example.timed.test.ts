import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { processorTime } from "../../src/linux/processes.js";
import { LANGUAGES } from "../../src/protocol/programs.ts";
import { medianOfThree } from "../../src/testing/medianOfThree.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();
/** Busy cores that can't be one. */
const isTwo = (cores: number) => cores > 1.4;

test.skipIf(availableParallelism() < 2).each(LANGUAGES)(
  "%s: two calls at once keep two cores busy",
  async (twin) => {
    const orthanc = await startExample("worker-pool", twin);
    const compute = async (query = "") => (await orthanc.request(`/computation${query}`)).status;
    // The workers have started then.
    await compute("?count=1000");
    const cores = await medianOfThree(async () => {
      const before = processorTime(orthanc.pid);
      const started = performance.now();
      expect(await Promise.all([compute(), compute()])).toEqual([200, 200]);
      return (processorTime(orthanc.pid) - before) / (performance.now() - started);
    }, isTwo);
    expect(cores).toSatisfy(isTwo);
  },
);
