/** Plays a whole scenario: its programs one after the other, judged and compared. */
import type { Program, Scenario } from "../catalogue/catalogue.ts";
import type { ProgramRun, Progress, Versions } from "../protocol/run.ts";
import { differences } from "./compare.ts";
import { judgeEnding, judgeRun } from "./judge.ts";
import { type PlayOptions, playProgram } from "./player.ts";
import type { Platform } from "./program.ts";

/** Options for playing a scenario. */
export interface ScenarioOptions
  extends Platform,
    Pick<PlayOptions, "edited" | "limits" | "signal"> {
  /** The programs that are played; by default, all of them. */
  programs?: Program[];
  /** Called before each program starts. */
  begin?: (program: Program) => void;
  /** Called after each program was played: these runs remain if a later one can't be played. */
  end?: (run: ProgramRun) => void;
  /** Receives the progress of each program. */
  report?: (program: Program, progress: Progress) => void;
}

/** A scenario that was played. */
export interface ScenarioRun {
  runs: ProgramRun[];
  /** The deviations from what the scenario expects: a sentence each. */
  problems: string[];
  /** The differences between the answers of twins, a sentence each; undefined if no twins were played. */
  differences?: string[];
  /** The checks that this machine can't do, with the reason: a sentence each. */
  skipped: string[];
  /** Undefined if no Orthanc has started, as expected. */
  versions?: Versions;
}

/**
 * Plays programs of a scenario, each on a new Orthanc, one after the other.
 * @throws PlayError, StartError, InstallationError, NodeError; the signal's reason if it was aborted. All
 * Orthancs are gone then.
 */
export async function playScenario(
  scenario: Scenario,
  { programs = scenario.programs, begin, end, report, ...options }: ScenarioOptions = {},
): Promise<ScenarioRun> {
  const runs: ProgramRun[] = [];
  const endings: Promise<string[]>[] = [];
  let versions: Versions | undefined;
  try {
    for (const program of programs) {
      begin?.(program);
      const played = await playProgram(scenario, program, {
        ...options,
        report: (progress) => report?.(program, progress),
      });
      const { run, ending } = played;
      runs.push(run);
      end?.(run);
      versions ??= played.versions;
      const judged = ending.then((how) => judgeEnding(scenario, run, how));
      // An error is thrown below, when all programs have been played.
      judged.catch(() => {});
      endings.push(judged);
    }
  } finally {
    // What a program leaves behind is known when its Orthanc has ended.
    await Promise.allSettled(endings);
  }
  const verdicts = runs.map((run) => judgeRun(scenario, run));
  const problems = verdicts.flatMap((verdict) => verdict.problems);
  problems.push(...(await Promise.all(endings)).flat());
  const [one, other] = runs;
  return {
    runs,
    problems,
    skipped: verdicts.flatMap(({ skipped }) => skipped),
    versions,
    ...(scenario.twins && one && other && { differences: differences(scenario, one, other) }),
  };
}
