/** `npm run record`: plays examples and hazards, and writes the records in `static/runs/`. */
import { Command } from "commander";
import ora from "ora";
import { readScenario, scenarioIds } from "../catalogue/catalogue.ts";
import { playScenario } from "../harness/play.ts";
import type { Platform } from "../harness/program.ts";
import { writeRecord } from "../harness/record.ts";
import { compareVariations } from "../harness/variations.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import { addChoices, type Choices, fetchChoices } from "./choices.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

const command = new Command("npm run record --")
  .description("Plays examples and hazards, and writes the records for the site.")
  .argument("[ids...]", "the examples and hazards; by default, all")
  .action((ids: string[], choices: Choices) => main(() => recordAll(ids, choices)));
await addChoices(command).parseAsync();

async function recordAll(ids: string[], choices: Choices): Promise<number> {
  const platform = await fetchChoices(choices);
  let failed = 0;
  for (const id of ids.length > 0 ? ids : await scenarioIds()) {
    const progress = ora(id).start();
    const report = (activity: string) => {
      progress.text = `${id}, ${activity}`;
    };
    try {
      progress.succeed(`${id}: ${await recordOne(id, platform, report)}`);
    } catch (error) {
      failed += 1;
      progress.fail(`${id}: ${(error as Error).message}`);
    }
  }
  return failed > 0 ? 1 : 0;
}

async function recordOne(
  id: string,
  platform: Platform,
  report: (activity: string) => void,
): Promise<string> {
  const scenario = await readScenario(id);
  const played = await playScenario(scenario, {
    ...platform,
    report: ({ program }, event) => {
      if (event.type === "step") report(`${program}: ${event.step.name}`);
    },
  });
  const { runs, problems, differences, skipped, versions } = played;
  problems.push(...skipped);
  if (differences) {
    report("variations");
    problems.push(...differences, ...(await compareVariations(scenario, platform)).problems);
  }
  if (problems.length > 0) throw new Error(`Not recorded:\n${problems.join("\n")}`);
  if (!versions) throw new Error("Not recorded: no program of this scenario has started.");
  const { release } = await findOrthanc(platform);
  return writeRecord(scenario, { release, versions, recordedAt: new Date().toISOString() }, runs);
}
