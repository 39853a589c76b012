/** What benchmarks give, and how they are kept for the site. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";

const BENCHMARKS = path.resolve(import.meta.dirname, "../../static/benchmarks");

/** One thing that was measured, in several ways, side by side. */
export interface Measure {
  title: string;
  unit: "ms" | "MB";
  ways: Way[];
}

/** One way, with all that was measured of it. */
export interface Way {
  name: string;
  /** The median. */
  median: number;
  lowest: number;
  highest: number;
}

/** A benchmark as kept under `static/benchmarks/`. */
export interface Benchmark {
  benchmark: string;
  node: string;
  /** How many processors the machine has. */
  processors: number;
  /** ISO 8601, UTC. */
  measuredAt: string;
  /** How often each was measured. */
  rounds: number;
  measures: Measure[];
}

/**
 * Measures each way once in every round, so that what slows the machine for a while slows all of them.
 * @param ways name to a function that gives one value, in the measure's unit
 */
export async function sideBySide(
  title: string,
  unit: Measure["unit"],
  rounds: number,
  ways: Record<string, () => Promise<number>>,
): Promise<Measure> {
  const values = Object.entries(ways).map(([name, measure]) => ({
    name,
    measure,
    seen: [] as number[],
  }));
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const { measure, seen } of values) {
      const value = await measure();
      if (round > 0) seen.push(value);
    }
  }
  return { title, unit, ways: values.map(({ name, seen }) => wayOf(name, seen)) };
}

function wayOf(name: string, values: number[]): Way {
  const sorted = values.map(rounded).sort((a, b) => a - b);
  const [lowest = 0] = sorted;
  const median = sorted[Math.floor(sorted.length / 2)] ?? lowest;
  return { name, median, lowest, highest: sorted.at(-1) ?? lowest };
}

/** With three digits that mean something. */
const rounded = (value: number) => Number(value.toPrecision(3));

/** Keeps a benchmark for the site. Gives the file's path. */
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
