/** Every example on a live Orthanc: what it expects, the same answers from both twins, the record still true. */
import { afterAll, describe, expect, test } from "vitest";
import { exampleIds, readExample, type Twin } from "./example.ts";
import { differences, judgeRun } from "./judge.ts";
import { playTwin } from "./play.ts";
import { readRecord } from "./record.ts";
import type { RecordedRun } from "./run.ts";

const ids = await exampleIds();
const skipped: string[] = [];
const stopping: Promise<string[]>[] = [];

describe.each(ids)("%s", (id) => {
  // A neighbour that takes the machine's cores can spoil a comparison of times, but not five times over.
  test("both twins answer as expected, and alike", { retry: 4 }, async () => {
    const example = await readExample(id);
    const play = async (twin: Twin) => {
      const { run, stopped } = await playTwin(example, twin);
      stopping.push(stopped);
      return run;
    };
    const python = await play("python");
    const typescript = await play("typescript");

    const verdicts = [judgeRun(example, python), judgeRun(example, typescript)];
    skipped.push(...verdicts.flatMap((verdict) => verdict.skipped));
    expect(verdicts.flatMap((verdict) => verdict.problems)).toEqual([]);
    expect(differences(example, python, typescript)).toEqual([]);

    const record = await readRecord<RecordedRun>(example);
    expect(differences(example, record.twins.python, python)).toEqual([]);
    expect(differences(example, record.twins.typescript, typescript)).toEqual([]);
  });
});

test("each twin stops when it is told to, and leaves nothing behind", async () => {
  expect((await Promise.all(stopping)).flat()).toEqual([]);
});

test("there are examples", () => {
  expect(ids.length).toBeGreaterThanOrEqual(5);
});

afterAll(async () => {
  for (const reason of skipped) console.warn(`Skipped: ${reason}`);
  console.log(`${ids.length} examples on both twins, ${skipped.length} checks skipped`);
});
