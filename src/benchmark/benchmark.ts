/** Runs benchmarks, and writes them for the site. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import type { Benchmark, Measure, Way } from "../protocol/benchmark.ts";

const BENCHMARKS = path.resolve(import.meta.dirname, "../../static/benchmarks");

/**
 * Compares several ways of doing something. Each is measured once in every round, so that temporary load on the machine
 * slows all of them.
 * @param ways name to a function that measures one value, in the measure's unit
 */
export async function compareWays(
  title: string,
  unit: Measure["unit"],
  rounds: number,
  ways: Record<string, () => Promise<number>>,
): Promise<Measure> {
  const values = Object.entries(ways).map(([name, measure]) => ({
    name,
    measure,
    measured: [] as number[],
  }));
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const { measure, measured } of values) {
      const value = await measure();
      if (round > 0) measured.push(value);
    }
  }
  return { title, unit, ways: values.map(({ name, measured }) => summarize(name, measured)) };
}

function summarize(name: string, values: number[]): Way {
  const sorted = values.map(round).sort((a, b) => a - b);
  const [lowest = 0] = sorted;
  const median = sorted[Math.floor(sorted.length / 2)] ?? lowest;
  return { name, median, lowest, highest: sorted.at(-1) ?? lowest };
}

/** Rounds to three significant digits. */
const round = (value: number) => Number(value.toPrecision(3));

/**
 * Writes a benchmark for the site.
 * @returns the file's path
 */
export async function writeBenchmark(
  benchmark: Pick<Benchmark, "benchmark" | "rounds" | "measures">,
): Promise<string> {
  const whole: Benchmark = {
    ...benchmark,
    node: process.versions.node,
    processors: cpus().length,
    measuredAt: new Date().toISOString(),
  };
  await mkdir(BENCHMARKS, { recursive: true });
  const file = path.join(BENCHMARKS, `${benchmark.benchmark}.json`);
  await writeFile(file, `${JSON.stringify(whole, null, 2)}\n`);
  return path.relative(process.cwd(), file);
}
