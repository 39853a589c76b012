/** Every hazard on a live Orthanc: the failing programs fail as expected, the fixed ones do not. */
import { describe, expect, test } from "vitest";
import { hazardIds, listPrograms, readHazard } from "./hazard.ts";
import { runHazardProgram } from "./hazardRunner.ts";
import { readRecord } from "./record.ts";

const hazards = await Promise.all((await hazardIds()).map(readHazard));
const programs = hazards.flatMap((hazard) =>
  listPrograms(hazard).map(([kind, twin]) => [hazard.id, kind, twin, hazard] as const),
);

// Most of the time they wait for what does not come.
describe.concurrent("the expected outcomes are observed", () => {
  test.each(programs)("%s: %s, %s", async (_id, kind, twin, hazard) => {
    const { problems } = await runHazardProgram(hazard, kind, twin);
    expect(problems).toEqual([]);
  });
});

test.each(hazards.map((hazard) => [hazard.id, hazard] as const))(
  "%s: its record is of the files as they are",
  async (_id, hazard) => {
    await readRecord(hazard);
  },
);

test("there are hazards", () => {
  expect(hazards.length).toBeGreaterThanOrEqual(10);
});
