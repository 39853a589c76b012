import { expect } from "vitest";
import type { Program, Scenario } from "../catalogue/catalogue.ts";
import { differences } from "../harness/compare.ts";
import { judgeEnding, judgeRun } from "../harness/judge.ts";
import { type Played, playProgram } from "../harness/player.ts";
import { readRecord } from "../harness/record.ts";
import { LIMITS } from "../live/run.ts";

/**
 * The maximum number of comparisons of times: other load on the machine can make parallel calls look like serial
 * ones.
 */
const COMPARISONS = 3;

/** Counts and reasons that are reported after all programs were played. */
export interface Findings {
  /** The checks that this machine can't do, with the reason. */
  skipped: string[];
  /** The number of times that times were compared again. */
  comparedAgain: number;
}

/**
 * Plays a program of a scenario: it must do what the scenario expects, and as recorded. The limits are those of a run
 * from a page. Await `expectEnding` for the result: the Orthanc is still stopping, which takes it little work.
 */
export async function playAsRecorded(
  scenario: Scenario,
  program: Program,
  findings: Findings,
): Promise<Played> {
  for (let comparison = 1; ; comparison++) {
    const played = await playProgram(scenario, program, { limits: LIMITS });
    const { run } = played;
    const verdict = judgeRun(scenario, run);
    const onlyTimes =
      verdict.timing.length > 0 && verdict.timing.length === verdict.problems.length;
    if (onlyTimes && comparison < COMPARISONS) {
      findings.comparedAgain += 1;
      console.warn(`Compared again: ${verdict.timing.join("\n")}`);
      await expectEnding(scenario, played);
      continue;
    }
    expect(verdict.problems).toEqual([]);
    findings.skipped.push(...verdict.skipped);
    const record = await readRecord(scenario);
    const recorded = record.runs.find((one) => one.program === run.program);
    if (!recorded) throw new Error(`${scenario.id} has no record of "${run.program}".`);
    expect(differences(scenario, recorded, run)).toEqual([]);
    return played;
  }
}

/** Waits until a played Orthanc has ended: it must end as it should. */
export async function expectEnding(scenario: Scenario, { run, ending }: Played): Promise<void> {
  expect(judgeEnding(scenario, run, await ending)).toEqual([]);
}

/** Prints what was skipped and how often times were compared again. */
export function reportFindings(played: string, { skipped, comparedAgain }: Findings): void {
  for (const reason of skipped) console.warn(`Skipped: ${reason}`);
  console.log(`${played}, ${skipped.length} checks skipped, ${comparedAgain} times compared again`);
}
