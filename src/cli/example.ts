/** `npm run example`: plays an example or hazard on a live Orthanc and prints the transcript. */
import { Argument, Command, Option } from "commander";
import ora, { type Ora } from "ora";
import {
  type Program,
  readScenario,
  readScenarios,
  type Scenario,
  scenarioIds,
} from "../catalogue/catalogue.ts";
import { ScenarioError } from "../catalogue/parse.ts";
import { playScenario } from "../harness/play.ts";
import type { Platform } from "../harness/program.ts";
import { transcript } from "../harness/transcript.ts";
import { compareVariations } from "../harness/variations.ts";
import { LANGUAGES, type Language } from "../protocol/programs.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { addChoices, type Choices, fetchChoices } from "./choices.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

interface Options extends Choices {
  twin?: Language;
  json?: boolean;
  list?: boolean;
}

const command = new Command("npm run example --")
  .description("Plays an example or hazard on a live Orthanc and prints the requests and answers.")
  .addArgument(new Argument("[id]", "the example or hazard"))
  .addOption(new Option("--twin <language>", "only programs in this language").choices(LANGUAGES))
  .option("--json", "print the run as JSON")
  .option("--list", "list all examples and hazards")
  .action((id: string | undefined, options: Options) => main(() => run(id, options)));
await addChoices(command).parseAsync();

async function run(id: string | undefined, options: Options): Promise<number> {
  if (options.list) {
    for (const { id, summary } of await readScenarios()) {
      console.log(`${id.padEnd(32)}${summary}`);
    }
    return 0;
  }
  if (!id) throw new ScenarioError(`Name an example: ${(await scenarioIds()).join(", ")}.`);
  const scenario = await readScenario(id);
  const { twin } = options;
  const programs = scenario.programs.filter(({ language }) => language === (twin ?? language));
  if (programs.length === 0) throw new ScenarioError(`${id} has no ${twin} program.`);
  const platform = await fetchChoices(options);
  const runs: ProgramRun[] = [];
  const problems: string[] = [];
  const skipped: string[] = [];
  try {
    const played = await play(scenario, programs, platform, (run) => runs.push(run));
    skipped.push(...played.skipped);
    problems.push(...played.problems, ...(played.differences ?? []));
    if (played.differences) problems.push(...(await playVariations(scenario, platform)));
  } catch (error) {
    // What was played before is worth reading all the same.
    problems.push((error as Error).message);
  }
  if (options.json) {
    console.log(JSON.stringify({ scenario: id, runs, problems }, null, 2));
  } else if (runs.length > 0) {
    console.log(`\n${runs.map(transcript).join("\n\n")}\n`);
    const compared = scenario.twins && runs.length > 1;
    if (compared && problems.length === 0) console.log("Both twins gave the same answers.");
  }
  for (const reason of skipped) console.error(`Skipped: ${reason}`);
  for (const problem of problems) console.error(problem);
  return problems.length > 0 ? 1 : 0;
}

/** Plays programs, and shows the progress. */
async function play(
  scenario: Scenario,
  programs: Program[],
  platform: Platform,
  end: (run: ProgramRun) => void,
) {
  let progress: Ora | undefined;
  const succeed = () => progress?.succeed(`${progress.text.split(":")[0]}: played`);
  try {
    const played = await playScenario(scenario, {
      ...platform,
      programs,
      end,
      begin: ({ program }) => {
        succeed();
        progress = ora(`${program}: starting Orthanc`).start();
      },
      report: ({ program }, event) => {
        if (progress && event.type === "step") progress.text = `${program}: ${event.step.name}`;
      },
    });
    succeed();
    return played;
  } catch (error) {
    progress?.fail();
    throw error;
  }
}

/** Plays variations of a scenario's requests on both twins, and compares the answers. */
async function playVariations(scenario: Scenario, platform: Platform): Promise<string[]> {
  const progress = ora("variations: starting Orthanc").start();
  try {
    const { count, problems } = await compareVariations(scenario, {
      ...platform,
      report: (request) => {
        progress.text = `variations: ${request}`;
      },
    });
    progress.succeed(`variations: ${count} requests to each twin`);
    return problems;
  } catch (error) {
    progress.fail();
    throw error;
  }
}
