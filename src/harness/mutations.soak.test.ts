/**
 * The harness mistrusts itself: it plays twins that are broken on purpose, and must notice each. A few of them in
 * `npm test`, all of them in `npm run soak`.
 */
import { afterAll, describe, expect, test } from "vitest";
import { TWINS, type Twin } from "../protocol/programs.ts";
import { reportProgress, scaled } from "../testing/soak.ts";
import { type Example, readExample } from "./example.ts";
import { isHazard, readHazard } from "./hazard.ts";
import { runHazardProgram } from "./hazardRunner.ts";
import { differences, judgeRun, judgeVariations } from "./judge.ts";
import { type Mutation, readMutations } from "./mutations.ts";
import { readTwinFiles, replaceTexts, type TwinFiles } from "./twin.ts";
import { PlayError, playTwin } from "./twinRunner.ts";
import { playVariations } from "./variations.ts";

/** How long a step of a broken twin may take, in milliseconds: one of them never answers. */
const STEP_LIMIT = 20_000;

const all = await readMutations();
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
  const { id, file, caughtBy } = mutation;
  const twin: Twin = file.endsWith(".py") ? "python" : "typescript";
  if (isHazard(id)) {
    const hazard = await readHazard(id);
    const files = await readTwinFiles(fixedProgram(hazard), twin);
    return (await runHazardProgram(hazard, "fixed", twin, broken(mutation, files))).problems;
  }
  const example = await readMutatedExample(mutation);
  const edited = broken(mutation, await readTwinFiles(example, twin));
  if (caughtBy === "variations") {
    const [run, whole] = await Promise.all([
      playVariations(example, twin, { edited }),
      varied(example, other(twin)),
    ]);
    return judgeVariations(example, whole, run);
  }
  try {
    const { run, stopped } = await playTwin(example, twin, { edited, stepLimit: STEP_LIMIT });
    const reports = {
      expectation: async () => judgeRun(example, run).problems,
      comparison: async () => differences(example, await played(example, other(twin)), run),
      end: () => stopped,
      // Too much output may only show when the run is over.
      limit: () => stopped,
      hazard: async () => [],
    };
    const found = await reports[caughtBy]();
    stopping.push(stopped);
    return found;
  } catch (error) {
    if (caughtBy === "limit" && error instanceof PlayError) return [error.message];
    throw error;
  }
}

const stopping: Promise<unknown>[] = [];
afterAll(() => Promise.all(stopping));

function broken({ file, replace }: Mutation, files: TwinFiles): TwinFiles {
  return replaceTexts(files, { [file]: replace });
}

const fixedProgram = ({ folder, routes }: { folder: string; routes: string[] }) => ({
  folder: `${folder}/fixed`,
  routes,
  instances: [],
});

const other = (twin: Twin) => (twin === TWINS[0] ? TWINS[1] : TWINS[0]);

/** The example with the steps that the mutation names. */
async function readMutatedExample({ id, steps }: Mutation): Promise<Example> {
  const example = await readExample(id);
  if (!steps) return example;
  const named = example.steps.filter(({ name }) => steps.includes(name));
  expect(named.map(({ name }) => name)).toEqual(steps);
  return { ...example, steps: named };
}

/** Plays a twin that is not broken, once for all that compare with it. */
const played = once(async (example, twin) => {
  const { run, stopped } = await playTwin(example, twin);
  stopping.push(stopped);
  return run;
});
const varied = once((example, twin) => playVariations(example, twin));

function once<Run>(play: (example: Example, twin: Twin) => Promise<Run>) {
  const runs = new Map<string, Promise<Run>>();
  return (example: Example, twin: Twin): Promise<Run> => {
    const key = [example.id, twin, ...example.steps.map(({ name }) => name)].join("\n");
    const run = runs.get(key) ?? play(example, twin);
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
