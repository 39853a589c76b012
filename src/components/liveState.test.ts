import { expect, test } from "vitest";
import type { RunEnd, RunEvent } from "../protocol/live.ts";
import type { ProgramName } from "../protocol/programs.ts";
import type { Call, Outcome, Progress, StepAction } from "../protocol/run.ts";
import { applyEvent, initialState } from "./liveState.ts";

const call: Call = { status: 200, contentType: "text/plain", body: "", startedAt: 0, endedAt: 5 };
const step: StepAction = { name: "A call", action: "GET /computation" };
const versions = { orthanc: "1", plugin: "2", python: "3", node: "4" };
const PROGRAMS: ProgramName[] = [
  { program: "python", language: "python" },
  { program: "typescript", language: "typescript" },
  { program: "failing python", language: "python", variant: "failing" },
];

const stateAfter = (...events: RunEvent[]) =>
  events.reduce((state, event) => applyEvent(PROGRAMS, state, event), {
    ...initialState,
    running: true,
  });
const starting = (program = "python", calls = 1): RunEvent => ({
  type: "starting",
  program,
  calls,
});
const progress = (progress: Progress, program = "python"): RunEvent => ({
  type: "progress",
  program,
  progress,
});
const begin = (index = 0, hangsUntil?: number): Progress => {
  return { type: "step", index, step, count: 1, ...(hangsUntil && { hangsUntil }) };
};
const outcome = (index: number, outcome: Outcome): Progress => {
  return { type: "outcome", index, outcome, milliseconds: 4 };
};
const answer = (index = 0): Progress => ({ type: "call", index, call });
const statusAfter = (end: RunEnd) => stateAfter({ type: "ended", end }).status;

test("a run that waits says how many come before it", () => {
  expect(stateAfter({ type: "waiting", ahead: 3 }).status).toMatch(/^Two runs .* 3 of those/);
});

test("the calls of both twins are counted, and their answers collected by step", () => {
  const state = stateAfter(
    starting("python", 2),
    progress({ type: "start", start: { type: "answers" }, milliseconds: 900 }),
    progress(begin()),
    progress(answer()),
    starting("typescript", 2),
    progress(begin(), "typescript"),
  );
  expect(state).toMatchObject({ running: true, answered: 1, calls: 4 });
  expect(state.status).toBe("TypeScript: “A call”, 1 sent.");
  expect(state.runs).toMatchObject([
    { program: "python", steps: [{ ...step, calls: [call] }] },
    { program: "typescript", steps: [{ ...step, calls: [] }] },
  ]);
});

test("steps that overlap keep their own answers and outcomes", () => {
  const { runs, answered } = stateAfter(
    starting(),
    progress(begin(0)),
    progress(begin(1)),
    progress(outcome(1, { type: "signalled", processes: 2 })),
    progress(answer(0)),
  );
  expect(answered).toBe(2);
  expect(runs[0]?.steps).toEqual([
    { ...step, calls: [call] },
    { ...step, calls: [], outcome: { type: "signalled", processes: 2 }, milliseconds: 4 },
  ]);
});

test("an expected hang is counted down until it is observed or the run ends", () => {
  const hanging = [starting("failing python"), progress(begin(0, 8_000), "failing python")];
  expect(stateAfter(...hanging).hangsUntil).toBe(8_000);
  const signal = progress(outcome(1, { type: "signalled", processes: 1 }), "failing python");
  const also = [...hanging, progress(begin(1), "failing python"), signal];
  expect(stateAfter(...also).hangsUntil).toBe(8_000);
  const observed = progress(outcome(0, { type: "no answer", seconds: 8 }), "failing python");
  expect(stateAfter(...also, observed).hangsUntil).toBeUndefined();
  const end: RunEvent = { type: "ended", end: { how: "stopped", reason: "You stopped it." } };
  expect(stateAfter(...hanging, end).hangsUntil).toBeUndefined();
});

test("an expected hang that is answered is no longer counted down", () => {
  const begun = [starting(), progress(begin(0, 8_000)), progress(begin(1))];
  expect(stateAfter(...begun, progress(answer(1))).hangsUntil).toBe(8_000);
  expect(stateAfter(...begun, progress(answer(0))).hangsUntil).toBeUndefined();
});

test("a step that begins before an earlier one leaves its place free", () => {
  const { runs } = stateAfter(starting(), progress(begin(1)), progress(begin(0)));
  expect(runs[0]?.steps).toEqual([
    { ...step, calls: [] },
    { ...step, calls: [] },
  ]);
  const [early] = stateAfter(starting(), progress(begin(1))).runs;
  expect(early?.steps.map(({ name }) => name)).toEqual(["…", "A call"]);
});

test("an Orthanc that hangs while it starts is counted down, too", () => {
  const start: RunEvent = { ...starting("failing python"), hangsUntil: 9_000 } as RunEvent;
  const state = stateAfter(start);
  expect(state).toMatchObject({
    status: "Failing Python: Orthanc is starting.",
    hangsUntil: 9_000,
  });
  const hung = stateAfter(
    start,
    progress(
      { type: "start", start: { type: "hangs", seconds: 8 }, milliseconds: 8_001 },
      "failing python",
    ),
  );
  expect(hung.status).toBe("Failing Python: Orthanc has not answered after 8 seconds.");
  expect(hung.hangsUntil).toBeUndefined();
  expect(hung.runs[0]?.start).toEqual({ type: "hangs", seconds: 8 });
});

test("events of unknown programs change nothing", () => {
  const state = stateAfter(starting());
  expect(applyEvent(PROGRAMS, state, starting("cobol"))).toBe(state);
  expect(applyEvent(PROGRAMS, state, progress(begin(), "cobol"))).toBe(state);
});

test("the log of each twin grows", () => {
  const { log } = stateAfter(
    starting("python"),
    starting("typescript"),
    progress({ type: "log", text: "one\n" }),
    progress({ type: "log", text: "other\n" }, "typescript"),
    progress({ type: "log", text: "two\n" }),
  );
  expect(log).toEqual({ python: "one\ntwo\n", typescript: "other\n" });
});

test("the expected lines of the log belong to the program in whose log they are", () => {
  const { runs } = stateAfter(
    starting("python"),
    progress({ type: "end", log: ["one", "two"] }),
    starting("typescript"),
    progress({ type: "log", text: "three\n" }, "typescript"),
  );
  expect(runs.map(({ log }) => log)).toEqual([["one", "two"], []]);
});

test("a run that has ended keeps its answers", () => {
  const end: RunEnd = { how: "stopped", reason: "You stopped it." };
  const state = stateAfter(starting(), progress(begin()), progress(answer()), {
    type: "ended",
    end,
  });
  expect(state).toMatchObject({ running: false, status: "Stopped. You stopped it.", end });
  expect(state.runs[0]?.steps[0]?.calls).toEqual([call]);
});

test("the status names the end", () => {
  const played = { how: "played" as const, versions, edited: [], unexpected: [], skipped: [] };
  const issue = { file: "plugin.py", line: 1, column: 1, message: "wrong" };
  const issues = (length: number) => Array(length).fill(issue);
  expect(statusAfter(played)).toBe("Played, as expected.");
  expect(statusAfter({ ...played, unexpected: ["status 500"] })).toBe(
    "Played, but not as expected.",
  );
  expect(statusAfter({ ...played, differences: [] })).toBe("Both twins agree.");
  expect(statusAfter({ ...played, differences: ["status 200 and 404"] })).toBe("The twins differ.");
  expect(statusAfter({ how: "failed", reason: "No Orthanc." })).toBe("Failed. No Orthanc.");
  expect(statusAfter({ how: "invalid", issues: issues(1) })).toBe(
    "Not run: there is a syntax error.",
  );
  expect(statusAfter({ how: "invalid", issues: issues(2) })).toBe(
    "Not run: there are 2 syntax errors.",
  );
  expect(statusAfter({ how: "invalid", issues: issues(100) })).toBe(
    "Not run: there are 100 or more syntax errors.",
  );
});
