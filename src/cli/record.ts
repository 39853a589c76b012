/** `npm run record`: plays examples and hazards, and writes the records in `static/runs/`. */
import { Command } from "commander";
import ora from "ora";
import { ACCESS_TABLE, playAccessTable, readAccessTable } from "../harness/accessTable.ts";
import { exampleIds, readExample } from "../harness/example.ts";
import { hazardIds, isHazard, listPrograms, readHazard } from "../harness/hazard.ts";
import { runHazardProgram } from "../harness/hazardRunner.ts";
import { differences, judgeRun, judgeVariations } from "../harness/judge.ts";
import { writeRecord } from "../harness/record.ts";
import { playTwin } from "../harness/twinRunner.ts";
import { playVariations } from "../harness/variations.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import type { Twin } from "../protocol/programs.ts";
import type { ProgramResult } from "../protocol/record.ts";
import type { Versions } from "../protocol/run.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

await new Command("npm run record --")
  .description("Plays examples and hazards, and writes the records for the site.")
  .argument("[ids...]", "the examples and hazards; by default, all")
  .action((ids: string[]) => main(() => recordAll(ids)))
  .parseAsync();

async function recordAll(ids: string[]): Promise<number> {
  const chosen =
    ids.length > 0 ? ids : [...(await exampleIds()), ACCESS_TABLE, ...(await hazardIds())];
  let failed = 0;
  for (const id of chosen) {
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

function recordOne(id: string, report: (activity: string) => void): Promise<string> {
  if (id === ACCESS_TABLE) return recordAccessTable(report);
  return isHazard(id) ? recordHazard(id, report) : recordExample(id, report);
}

async function recordExample(id: string, report: (activity: string) => void): Promise<string> {
  const example = await readExample(id);
  const play = (twin: Twin) =>
    playTwin(example, twin, {
      report: (event) => {
        if (event.type === "step") report(`${twin}: ${event.request.name}`);
      },
    });
  const python = await play("python");
  const typescript = await play("typescript");
  report("variations");
  const [one, other] = await Promise.all([
    playVariations(example, "python"),
    playVariations(example, "typescript"),
  ]);
  throwIfAny([
    ...judgeRun(example, python.run).problems,
    ...judgeRun(example, typescript.run).problems,
    ...differences(example, python.run, typescript.run),
    ...judgeVariations(example, one, other),
    ...(await python.stopped),
    ...(await typescript.stopped),
  ]);
  return writeRecord(example, {
    example: id,
    ...(await origin(python.versions)),
    twins: { python: python.run, typescript: typescript.run },
  });
}

async function recordHazard(id: string, report: (activity: string) => void): Promise<string> {
  const hazard = await readHazard(id);
  const programs: ProgramResult[] = [];
  let first: Versions | undefined;
  for (const [variant, twin] of listPrograms(hazard)) {
    report(`${variant}, ${twin}`);
    const { result, problems, versions } = await runHazardProgram(hazard, variant, twin);
    throwIfAny(problems);
    programs.push(result);
    first ??= versions;
  }
  if (!first) throw new Error("Not recorded: no program of this hazard has started.");
  return writeRecord(hazard, { hazard: id, ...(await origin(first)), programs });
}

async function recordAccessTable(report: (activity: string) => void): Promise<string> {
  const table = await readAccessTable();
  const { servers, problems, skipped, versions } = await playAccessTable(table, report);
  throwIfAny([...problems, ...skipped]);
  const { id, title } = table;
  const routes = table.routes.map(({ title, method, path }) => ({ title, method, path }));
  return writeRecord(table, { access: id, title, ...(await origin(versions)), routes, servers });
}

function throwIfAny(problems: string[]): void {
  if (problems.length > 0) throw new Error(`Not recorded:\n${problems.join("\n")}`);
}

/** The members of a record about its origin. */
async function origin(versions: Versions) {
  const { release } = await findOrthanc();
  return { release, versions, recordedAt: new Date().toISOString() };
}
