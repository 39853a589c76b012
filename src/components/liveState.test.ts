import { expect, test } from "vitest";
import type { RunEnd, RunEvent } from "../protocol/live.ts";
import type { Call, Progress } from "../protocol/run.ts";
import { applyEvent, initialState } from "./liveState.ts";

const call: Call = { status: 200, contentType: "text/plain", body: "", startedAt: 0, endedAt: 5 };
const request = { name: "A call", method: "GET", path: "/computation" };
const versions = { orthanc: "1", plugin: "2", python: "3", node: "4" };

const stateAfter = (...events: RunEvent[]) =>
  events.reduce(applyEvent, { ...initialState, running: true });
const progress = (progress: Progress, twin: "python" | "typescript" = "python"): RunEvent => ({
  type: "progress",
  twin,
  progress,
});
const statusAfter = (end: RunEnd) => stateAfter({ type: "ended", end }).status;

test("a run that waits says how many come before it", () => {
  expect(stateAfter({ type: "waiting", ahead: 3 }).status).toMatch(/^Two runs .* 3 of those/);
});

test("the calls of both twins are counted, and their answers collected by step", () => {
  const state = stateAfter(
    { type: "starting", twin: "python", calls: 2 },
    progress({ type: "started", milliseconds: 900 }),
    progress({ type: "step", request, count: 1 }),
    progress({ type: "call", call }),
    { type: "starting", twin: "typescript", calls: 2 },
    progress({ type: "step", request, count: 1 }, "typescript"),
  );
  expect(state).toMatchObject({ running: true, answered: 1, calls: 4 });
  expect(state.status).toBe("TypeScript: “A call”, 1 sent.");
  expect(state.twins).toEqual({
    python: { twin: "python", steps: [{ ...request, calls: [call] }] },
    typescript: { twin: "typescript", steps: [{ ...request, calls: [] }] },
  });
});

test("a call without a step changes nothing", () => {
  const state = stateAfter({ type: "starting", twin: "python", calls: 1 });
  expect(applyEvent(state, progress({ type: "call", call }))).toBe(state);
});

test("the log of each twin grows", () => {
  const { log } = stateAfter(
    progress({ type: "log", text: "one\n" }),
    progress({ type: "log", text: "other\n" }, "typescript"),
    progress({ type: "log", text: "two\n" }),
  );
  expect(log).toEqual({ python: "one\ntwo\n", typescript: "other\n" });
});

test("a run that has ended keeps its answers", () => {
  const end: RunEnd = { how: "stopped", reason: "You stopped it." };
  const state = stateAfter(
    progress({ type: "step", request, count: 1 }),
    progress({ type: "call", call }),
    { type: "ended", end },
  );
  expect(state).toMatchObject({ running: false, status: "Stopped. You stopped it.", end });
  expect(state.twins.python?.steps[0]?.calls).toEqual([call]);
});

test("the status names the end", () => {
  const played = { how: "played" as const, versions, edited: [], unexpected: [] };
  const issue = { file: "plugin.py", line: 1, column: 1, message: "wrong" };
  const issues = (length: number) => Array(length).fill(issue);
  expect(statusAfter(played)).toBe("Played.");
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
