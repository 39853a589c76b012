/** `npm run example`: runs an example or hazard on a live Orthanc and prints the transcript. */
import { Argument, Command, Option } from "commander";
import ora from "ora";
import { ACCESS_TABLE, playAccessTable, readAccessTable } from "../harness/accessTable.ts";
import { type Example, ExampleError, exampleIds, readExample } from "../harness/example.ts";
import { hazardIds, isHazard, listPrograms, readHazard } from "../harness/hazard.ts";
import { runHazardProgram } from "../harness/hazardRunner.ts";
import { differences, judgeRun, judgeVariations } from "../harness/judge.ts";
import { accessTableTranscript, hazardTranscript, twinTranscript } from "../harness/transcript.ts";
import { playTwin } from "../harness/twinRunner.ts";
import { playVariations } from "../harness/variations.ts";
import { TWINS, type Twin } from "../protocol/programs.ts";
import type { ProgramResult } from "../protocol/record.ts";
import type { TwinRun } from "../protocol/run.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

interface Options {
  twin?: Twin;
  json?: boolean;
  list?: boolean;
}

const command = new Command("npm run example --")
  .description("Runs an example or hazard on a live Orthanc and prints the requests and answers.")
  .addArgument(new Argument("[id]", "the example or hazard"))
  .addOption(new Option("--twin <twin>", "only this twin").choices(TWINS))
  .option("--json", "print the run as JSON")
  .option("--list", "list all examples and hazards")
  .action((id: string | undefined, options: Options) => main(() => run(id, options)));
await command.parseAsync();

async function run(id: string | undefined, options: Options): Promise<number> {
  if (options.list) {
    const examples = await Promise.all((await exampleIds()).map(readExample));
    const hazards = await Promise.all((await hazardIds()).map(readHazard));
    const table = await readAccessTable();
    for (const { id, summary } of [...examples, table, ...hazards]) {
      console.log(`${id.padEnd(32)}${summary}`);
    }
    return 0;
  }
  if (!id) {
    const known = [...(await exampleIds()), ACCESS_TABLE, ...(await hazardIds())];
    throw new ExampleError(`Name an example: ${known.join(", ")}.`);
  }
  if (id === ACCESS_TABLE) return runAccessTable(options);
  if (isHazard(id)) return runHazard(id, options);
  const example = await readExample(id);
  const twins = options.twin ? [options.twin] : TWINS;

  const runs: TwinRun[] = [];
  const stopping: Promise<string[]>[] = [];
  for (const twin of twins) {
    const progress = ora(`${twin} twin: starting Orthanc`).start();
    try {
      const { run, stopped } = await playTwin(example, twin, {
        report: (event) => {
          if (event.type === "step") progress.text = `${twin} twin: ${event.request.name}`;
        },
      });
      runs.push(run);
      stopping.push(stopped);
      progress.succeed(`${twin} twin: ${run.steps.length} steps played`);
    } catch (error) {
      progress.fail();
      throw error;
    }
  }

  const [python, typescript] = runs;
  const problems = runs.flatMap((played) => judgeRun(example, played).problems);
  if (python && typescript) {
    problems.push(
      ...differences(example, python, typescript),
      ...(await compareVariations(example)),
    );
  }
  problems.push(...(await Promise.all(stopping)).flat());
  if (options.json) {
    console.log(JSON.stringify({ example: id, runs, problems }, null, 2));
  } else {
    console.log(`\n${runs.map(twinTranscript).join("\n\n")}\n`);
    if (runs.length === 2 && problems.length === 0)
      console.log("Both twins gave the same answers.");
  }
  for (const problem of problems) console.error(problem);
  return problems.length > 0 ? 1 : 0;
}

/** Plays variations of an example's requests on both twins, and compares the answers. */
async function compareVariations(example: Example): Promise<string[]> {
  const progress = ora("variations: starting Orthanc").start();
  const report = (request: string) => {
    progress.text = `variations: ${request}`;
  };
  try {
    const [python, typescript] = await Promise.all([
      playVariations(example, "python", { report }),
      playVariations(example, "typescript", { report }),
    ]);
    const problems = judgeVariations(example, python, typescript);
    progress.succeed(`variations: ${python.answers.length} requests to each twin`);
    return problems;
  } catch (error) {
    progress.fail();
    throw error;
  }
}

async function runHazard(id: string, options: Options): Promise<number> {
  const hazard = await readHazard(id);
  const chosen = listPrograms(hazard).filter(([, twin]) => twin === (options.twin ?? twin));
  const programs: ProgramResult[] = [];
  const problems: string[] = [];
  for (const [variant, twin] of chosen) {
    const progress = ora(`${variant}, ${twin}`).start();
    const run = await runHazardProgram(hazard, variant, twin);
    programs.push(run.result);
    problems.push(...run.problems.map((problem) => `${variant}, ${twin}: ${problem}`));
    progress.stop();
    if (!options.json) console.log(`${hazardTranscript(run.result)}\n`);
  }
  if (options.json) console.log(JSON.stringify({ hazard: id, programs, problems }, null, 2));
  for (const problem of problems) console.error(problem);
  return problems.length > 0 ? 1 : 0;
}

async function runAccessTable(options: Options): Promise<number> {
  const progress = ora().start();
  const { servers, problems, skipped } = await playAccessTable(await readAccessTable(), (title) => {
    progress.text = title;
  }).finally(() => progress.stop());
  if (options.json)
    console.log(JSON.stringify({ access: ACCESS_TABLE, servers, problems }, null, 2));
  else console.log(servers.map(accessTableTranscript).join("\n\n"));
  for (const problem of [...problems, ...skipped]) console.error(problem);
  return problems.length > 0 ? 1 : 0;
}
