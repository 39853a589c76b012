/** `npm run record`: plays examples and hazards, and writes the records in `static/runs/`. */
import { Command } from "commander";
import ora from "ora";
import { readScenario, scenarioIds } from "../catalogue/catalogue.ts";
import { playScenario } from "../harness/play.ts";
import { writeRecord } from "../harness/record.ts";
import { compareVariations } from "../harness/variations.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

await new Command("npm run record --")
  .description("Plays examples and hazards, and writes the records for the site.")
  .argument("[ids...]", "the examples and hazards; by default, all")
  .action((ids: string[]) => main(() => recordAll(ids)))
  .parseAsync();

async function recordAll(ids: string[]): Promise<number> {
  let failed = 0;
  for (const id of ids.length > 0 ? ids : await scenarioIds()) {
    const progress = ora(id).start();
    const report = (activity: string) => {
      progress.text = `${id}, ${activity}`;
    };
    try {
      progress.succeed(`${id}: ${await recordOne(id, report)}`);
    } catch (error) {
      failed += 1;
      progress.fail(`${id}: ${(error as Error).message}`);
    }
  }
  return failed > 0 ? 1 : 0;
}

async function recordOne(id: string, report: (activity: string) => void): Promise<string> {
  const scenario = await readScenario(id);
  const played = await playScenario(scenario, {
    report: ({ program }, event) => {
      if (event.type === "step") report(`${program}: ${event.step.name}`);
    },
  });
  const { runs, problems, differences, skipped, versions } = played;
  problems.push(...skipped);
  if (differences) {
    report("variations");
    problems.push(...differences, ...(await compareVariations(scenario)).problems);
  }
  if (problems.length > 0) throw new Error(`Not recorded:\n${problems.join("\n")}`);
  if (!versions) throw new Error("Not recorded: no program of this scenario has started.");
  const { release } = await findOrthanc();
  return writeRecord(scenario, { release, versions, recordedAt: new Date().toISOString() }, runs);
}
