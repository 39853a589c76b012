import { expect, test } from "vitest";
import { formatDate } from "./dates.ts";
import { formatDuration, formatTick } from "./durations.ts";
import { LANGUAGE_NAMES } from "./languages.ts";
import { formatCount, formatRatio } from "./numbers.ts";

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
