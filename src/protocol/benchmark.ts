/** The benchmarks under `static/benchmarks/`. */

export interface Benchmark {
  benchmark: string;
  node: string;
  /** The number of processors of the machine. */
  processors: number;
  /** ISO 8601, UTC. */
  measuredAt: string;
  /** The number of times that each value was measured. */
  rounds: number;
  measures: Measure[];
}

/** A quantity that was measured for several ways of doing something. */
export interface Measure {
  title: string;
  unit: "ms" | "MB";
  ways: Way[];
}

/** One way, with its measured values. */
export interface Way {
  name: string;
  median: number;
  lowest: number;
  highest: number;
}
