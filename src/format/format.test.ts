import { expect, test } from "vitest";
import type { Outcome } from "../protocol/run.ts";
import { formatDate } from "./dates.ts";
import { formatDuration, formatTick } from "./durations.ts";
import { LANGUAGE_NAMES } from "./languages.ts";
import { formatCount, formatRatio } from "./numbers.ts";
import { describeOutcome, describeStart } from "./outcomes.ts";

test("a date is the one in UTC, whatever the time zone of the machine", () => {
  expect(formatDate("2026-11-27T23:59:59.999Z")).toBe("27 November 2026");
  expect(formatDate("2026-11-28T01:00:00+02:00")).toBe("27 November 2026");
});

test.each([
  [0, "0.000 s"],
  [4, "0.004 s"],
  [99, "0.099 s"],
  [100, "0.10 s"],
  [1_254, "1.25 s"],
  [90_000, "90.00 s"],
])("%d ms last %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test.each([
  [0, "0"],
  [20, "0.02 s"],
  [500, "0.5 s"],
  [2_000, "2 s"],
])("an axis shows %d ms as %s", (milliseconds, text) => {
  expect(formatTick(milliseconds)).toBe(text);
});

test("counts have separators, ratios one decimal below 10", () => {
  expect(formatCount(1_000_000)).toBe("1,000,000");
  expect([1, 1.46, 9.94, 10.4, 312.5].map(formatRatio)).toEqual([
    "1.0 times",
    "1.5 times",
    "9.9 times",
    "10 times",
    "313 times",
  ]);
});

test("each twin's language has a name", () => {
  expect(LANGUAGE_NAMES).toEqual({ python: "Python", typescript: "TypeScript" });
});

test.each<[Outcome, string]>([
  [{ type: "no answer", seconds: 1.5 }, "No answer within 1.5 seconds."],
  [{ type: "disconnected" }, "The connection ended without an answer."],
  [{ type: "crashed", how: "SIGSEGV" }, "No answer. Orthanc ends: SIGSEGV."],
  [{ type: "signalled", processes: 1 }, "Sent to 1 process."],
  [{ type: "signalled", processes: 2 }, "Sent to 2 processes."],
  [{ type: "ended" }, "Orthanc ends."],
  [{ type: "running", seconds: 5 }, "Orthanc is still running after 5 seconds."],
  [{ type: "restarted" }, "Orthanc starts again."],
  [{ type: "not restarted" }, "Orthanc does not start again."],
  [{ type: "not restarted", log: "port in use" }, "Orthanc does not start again: port in use"],
])("the outcome %j is described", (outcome, sentence) => {
  expect(describeOutcome(outcome)).toBe(sentence);
});

test("the start of Orthanc is described", () => {
  expect(describeStart({ type: "answers" })).toBe("Orthanc starts.");
  expect(describeStart({ type: "fails" })).toBe("Orthanc does not start.");
  expect(describeStart({ type: "hangs", seconds: 8 })).toBe(
    "Orthanc has not answered after 8 seconds.",
  );
});
