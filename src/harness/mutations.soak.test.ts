/**
 * The harness mistrusts itself: it plays twins that are broken on purpose, and must notice each. A few of them in
 * `npm test`, all of them in `npm run soak`.
 */
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findProgram, type Program, readScenario, type Scenario } from "../catalogue/catalogue.ts";
import { type Files, readProgramFiles, replaceTexts } from "../catalogue/files.ts";
import { type Mutation, readMutationsFile } from "../catalogue/mutations.ts";
import type { Language } from "../protocol/programs.ts";
import { reportProgress, scaled } from "../testing/soak.ts";
import { differences, judgeVariations } from "./compare.ts";
import { judgeEnding, judgeRun } from "./judge.ts";
import { type Played, playProgram } from "./player.ts";
import { PlayError } from "./stage.ts";
import { playVariations } from "./variations.ts";

/** How long a step of a broken twin may take, in milliseconds: one of them never answers. */
const STEP_LIMIT = 20_000;

const ROOT = path.resolve(import.meta.dirname, "../..");
const { mutations: all } = await readMutationsFile(ROOT);
const chosen = scaled(
  all.filter(({ short }) => short),
  all,
);
let caught = 0;

describe.concurrent("a broken twin is noticed:", () => {
  test.each(chosen)("$what in $id/$file", async (mutation) => {
    const reports = await collectReports(mutation);
    expect(reports.join("\n")).toContain(mutation.report);
    caught += 1;
    reportProgress(`${caught} of ${chosen.length}: ${mutation.what}: ${reports[0]}`);
  });
});

/** Plays a broken program, and returns the reports of its check. */
async function collectReports(mutation: Mutation): Promise<string[]> {
  const { file, caughtBy } = mutation;
  const language: Language = file.endsWith(".py") ? "python" : "typescript";
  const scenario = await readMutated(mutation);
  const name = scenario.twins ? language : `fixed ${language}`;
  const program = findProgram(scenario, name);
  const edited = broken(mutation, await readProgramFiles(program));
  if (caughtBy === "variations") {
    const [run, whole] = await Promise.all([
      playVariations(scenario, program, { edited }),
      varied(scenario, other(scenario, program)),
    ]);
    return judgeVariations(scenario, whole, run);
  }
  try {
    const broken = await playProgram(scenario, program, { edited, stepLimit: STEP_LIMIT });
    endings.push(broken.ending);
    const end = async () => judgeEnding(scenario, broken.run, await broken.ending);
    const reports = {
      expectation: async () => judgeRun(scenario, broken.run).problems,
      hazard: async () => [...judgeRun(scenario, broken.run).problems, ...(await end())],
      comparison: async () => {
        const { run } = await played(scenario, other(scenario, program));
        return differences(scenario, run, broken.run);
      },
      end,
      // Too much output may only show when the run is over.
      limit: end,
    };
    return await reports[caughtBy]();
  } catch (error) {
    const noticed = caughtBy === "limit" || caughtBy === "hazard";
    if (noticed && error instanceof PlayError) return [error.message];
    throw error;
  }
}

const endings: Promise<unknown>[] = [];
afterAll(() => Promise.all(endings));

function broken({ file, replace }: Mutation, files: Files): Files {
  return replaceTexts(files, { [file]: replace });
}

function other({ programs }: Scenario, program: Program): Program {
  const found = programs.find((one) => one.program !== program.program);
  if (!found) throw new Error(`${program.program} has no twin.`);
  return found;
}

/** The scenario with the steps that the mutation names. */
async function readMutated({ id, steps }: Mutation): Promise<Scenario> {
  const scenario = await readScenario(id);
  if (!steps) return scenario;
  const programs = scenario.programs.map((program) => {
    const named = program.steps.filter(({ name }) => steps.includes(name));
    expect(named.map(({ name }) => name)).toEqual(steps);
    return { ...program, steps: named };
  });
  return { ...scenario, programs };
}

/** Plays a twin that is not broken, once for all that compare with it. */
const played = once(async (scenario, program): Promise<Played> => {
  const run = await playProgram(scenario, program);
  endings.push(run.ending);
  return run;
});
const varied = once((scenario, program) => playVariations(scenario, program));

function once<Run>(play: (scenario: Scenario, program: Program) => Promise<Run>) {
  const runs = new Map<string, Promise<Run>>();
  return (scenario: Scenario, program: Program): Promise<Run> => {
    const steps = program.steps.map(({ name }) => name);
    const key = [scenario.id, program.program, ...steps].join("\n");
    const run = runs.get(key) ?? play(scenario, program);
    runs.set(key, run);
    return run;
  };
}

test("there are at least twenty different ones, and a missing text is an error", () => {
  expect(new Set(all.map(({ what }) => what)).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(20);
  const [mutation] = all as [Mutation];
  expect(() => broken(mutation, { [mutation.file]: "something else" })).toThrow(
    `${mutation.file} must have this text once`,
  );
});
