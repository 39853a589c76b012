/** `npm run benchmark`: measures what the pages compare, and writes `static/benchmarks/`. */
import { Argument, Command } from "commander";
import ora from "ora";
import { writeBenchmark } from "../benchmark/benchmark.ts";
import { measureConnections } from "../benchmark/connections.ts";
import { measureLarge } from "../benchmark/large.ts";
import { measureWorkers } from "../benchmark/workers.ts";
import type { Measure } from "../protocol/benchmark.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

const BENCHMARKS: Record<
  string,
  { measure: (rounds: number) => Promise<Measure[]>; rounds: number }
> = {
  connections: { measure: measureConnections, rounds: 9 },
  large: { measure: measureLarge, rounds: 3 },
  workers: { measure: measureWorkers, rounds: 9 },
};

await new Command("npm run benchmark --")
  .description("Measures what the pages compare, and writes it for the site.")
  .addArgument(
    new Argument("[names...]", "the benchmarks; by default, all").choices(Object.keys(BENCHMARKS)),
  )
  .action((names: string[]) => main(() => measureAll(names)))
  .parseAsync();

async function measureAll(names: string[]): Promise<number> {
  for (const [name, { measure, rounds }] of Object.entries(BENCHMARKS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const progress = ora(name).start();
    const measures = await measure(rounds).finally(() => progress.stop());
    const file = await writeBenchmark({ benchmark: name, rounds, measures });
    console.log(`${name}: ${file}`);
    for (const { title, unit, ways } of measures) {
      console.log(`  ${title}`);
      for (const { name, median, lowest, highest } of ways) {
        console.log(`    ${name}: ${median} ${unit} (${lowest} to ${highest})`);
      }
    }
  }
  return 0;
}
