/** Every example on a live Orthanc: the expected answers, the same from both twins and in the record. */
import { afterAll, describe, expect, test } from "vitest";
import type { Twin } from "../protocol/programs.ts";
import type { RecordedRun } from "../protocol/record.ts";
import type { TwinRun } from "../protocol/run.ts";
import { selected } from "../testing/selection.ts";
import { type Example, exampleIds, readExample } from "./example.ts";
import { differences, judgeRun } from "./judge.ts";
import { readRecord } from "./record.ts";
import { playTwin } from "./twinRunner.ts";

const ids = await exampleIds();
const skipped: string[] = [];
/** How often times were compared again. */
let comparedAgain = 0;
const stopping: Promise<string[]>[] = [];

/** The maximum number of comparisons: other load on the machine can make parallel calls look like serial ones. */
const COMPARISONS = 3;

/** Plays a twin, whose answers must be as expected. */
async function played(example: Example, twin: Twin): Promise<TwinRun> {
  for (let comparison = 1; ; comparison++) {
    const { run, stopped } = await playTwin(example, twin);
    stopping.push(stopped);
    const verdict = judgeRun(example, run);
    const onlyTimes =
      verdict.timing.length > 0 && verdict.timing.length === verdict.problems.length;
    if (onlyTimes && comparison < COMPARISONS) {
      comparedAgain += 1;
      console.warn(`Compared again: ${verdict.timing.join("\n")}`);
      continue;
    }
    expect(verdict.problems).toEqual([]);
    skipped.push(...verdict.skipped);
    return run;
  }
}

describe.each(selected(ids))("%s", (id) => {
  test("both twins answer as expected, and alike", async () => {
    const example = await readExample(id);
    const python = await played(example, "python");
    const typescript = await played(example, "typescript");
    expect(differences(example, python, typescript)).toEqual([]);

    const record = await readRecord<RecordedRun>(example);
    expect(differences(example, record.twins.python, python)).toEqual([]);
    expect(differences(example, record.twins.typescript, typescript)).toEqual([]);
  });
});

test("each twin stops when it is asked to, and leaves nothing behind", async () => {
  expect((await Promise.all(stopping)).flat()).toEqual([]);
});

test("there are examples", () => {
  expect(ids.length).toBeGreaterThanOrEqual(5);
});

afterAll(async () => {
  for (const reason of skipped) console.warn(`Skipped: ${reason}`);
  console.log(
    `${selected(ids).length} examples on both twins, ${skipped.length} checks skipped, ${comparedAgain} times compared again`,
  );
});
