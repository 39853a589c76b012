/** The statements of the page on the bridge about large answers, and the benchmark itself. */
import { expect, test } from "vitest";
import type { Measure } from "../protocol/benchmark.ts";
import { measureLarge } from "./large.ts";

const medians = (measure: Measure | undefined) => measure?.ways.map(({ median }) => median) ?? [];

test("a large answer takes its size in memory, unless it is streamed; a slow client stops others, unless threads are allowed", async () => {
  const measures = await measureLarge(1, [50]);
  expect(measures.map(({ unit }) => unit)).toEqual(["MB", "ms", "ms"]);
  const [python = 0, collected = 0, , streamed = 0] = medians(measures[0]);
  expect(python).toBeGreaterThan(30);
  expect(collected).toBeGreaterThan(30);
  expect(streamed).toBeLessThan(20);
  const [old = 0, node = 0, python5 = 0, , threads = 0] = medians(measures[2]);
  for (const wait of [old, node, python5]) expect(wait).toBeGreaterThan(700);
  expect(threads).toBeLessThan(old);
}, 400_000);
