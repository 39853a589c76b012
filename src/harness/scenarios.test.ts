/**
 * Every other scenario on a live Orthanc: both twins of an example answer alike; the failing programs of a hazard fail
 * as expected, and the fixed ones do not; a token opens what its table says.
 */
import { afterAll, describe, expect, test } from "vitest";
import { readScenarios } from "../catalogue/catalogue.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { expectEnding, playAsRecorded, reportFindings } from "../testing/playAsRecorded.ts";
import { comparesTimes, selected } from "../testing/selection.ts";
import { differences } from "./compare.ts";

const all = await readScenarios();
const scenarios = selected(all).filter((scenario) => !comparesTimes(scenario));
const programs = scenarios.flatMap((scenario) =>
  scenario.programs.map((program) => [scenario.id, program.program, scenario, program] as const),
);
const findings = { skipped: [], comparedAgain: 0 };
const runs = new Map<string, ProgramRun[]>();

// Most of the time they wait for what does not come.
describe.concurrent("each program does as expected and as recorded", () => {
  test.each(programs)("%s: %s", async (id, _, scenario, program) => {
    const played = await playAsRecorded(scenario, program, findings);
    await expectEnding(scenario, played);
    runs.set(id, [...(runs.get(id) ?? []), played.run]);
  });
});

test.each(
  scenarios.filter(({ twins }) => twins).map((scenario) => [scenario.id, scenario] as const),
)("%s: both twins answer alike", (id, scenario) => {
  const [one, other] = runs.get(id) ?? [];
  if (!one || !other) throw new Error("There are no two runs to compare.");
  expect(differences(scenario, one, other)).toEqual([]);
});

test("there are examples, hazards and a table", () => {
  expect(all.filter(({ twins }) => twins).length).toBeGreaterThanOrEqual(9);
  expect(all.filter(({ id }) => id.startsWith("hazards/")).length).toBeGreaterThanOrEqual(16);
  expect(all.map(({ id }) => id)).toContain("token-access");
});

afterAll(() =>
  reportFindings(`${programs.length} programs of ${scenarios.length} scenarios`, findings),
);
