/** `npm run record`: plays examples and hazards and writes what was seen to `static/runs/`. */
import { Command } from "commander";
import ora from "ora";
import { ACCESS, playAccess, readAccess } from "../harness/access.ts";
import { exampleIds, readExample, type Twin } from "../harness/example.ts";
import { hazardIds, isHazard, programsOf, readHazard } from "../harness/hazard.ts";
import { differences, judgeRun, judgeVariations } from "../harness/judge.ts";
import { playTwin } from "../harness/play.ts";
import { provoke, type SeenProgram } from "../harness/provoke.ts";
import { writeRecord } from "../harness/record.ts";
import type { Versions } from "../harness/run.ts";
import { playVariations } from "../harness/variations.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

await new Command("npm run record --")
  .description("Plays examples and hazards and records what was seen, for the site.")
  .argument("[ids...]", "the examples and hazards; all of them where none is named")
  .action((ids: string[]) => main(() => recordAll(ids)))
  .parseAsync();

async function recordAll(ids: string[]): Promise<number> {
  const chosen = ids.length > 0 ? ids : [...(await exampleIds()), ACCESS, ...(await hazardIds())];
  let failed = 0;
  for (const id of chosen) {
    const progress = ora(id).start();
    const tell = (doing: string) => {
      progress.text = `${id}, ${doing}`;
    };
    try {
      progress.succeed(`${id}: ${await recordOne(id, tell)}`);
    } catch (error) {
      failed += 1;
      progress.fail(`${id}: ${(error as Error).message}`);
    }
  }
  return failed > 0 ? 1 : 0;
}

function recordOne(id: string, tell: (doing: string) => void): Promise<string> {
  if (id === ACCESS) return recordAccess(tell);
  return isHazard(id) ? recordHazard(id, tell) : recordExample(id, tell);
}

async function recordExample(id: string, tell: (doing: string) => void): Promise<string> {
  const example = await readExample(id);
  const played = async (twin: Twin) =>
    playTwin(example, twin, {
      report: (told) => {
        if (told.type === "step") tell(`${twin}: ${told.request.name}`);
      },
    });
  const python = await played("python");
  const typescript = await played("typescript");
  tell("variations");
  const [one, other] = await Promise.all([
    playVariations(example, "python"),
    playVariations(example, "typescript"),
  ]);
  refuse([
    ...judgeRun(example, python.run).problems,
    ...judgeRun(example, typescript.run).problems,
    ...differences(example, python.run, typescript.run),
    ...judgeVariations(example, one, other),
    ...(await python.stopped),
    ...(await typescript.stopped),
  ]);
  return writeRecord(example, {
    example: id,
    ...(await made(python.versions)),
    twins: { python: python.run, typescript: typescript.run },
  });
}

async function recordHazard(id: string, tell: (doing: string) => void): Promise<string> {
  const hazard = await readHazard(id);
  const programs: SeenProgram[] = [];
  let found: Versions | undefined;
  for (const [kind, twin] of programsOf(hazard)) {
    tell(`${kind}, ${twin}`);
    const { seen, problems, versions } = await provoke(hazard, kind, twin);
    refuse(problems);
    programs.push(seen);
    found ??= versions;
  }
  if (!found) throw new Error("Not recorded: no program of it has started.");
  return writeRecord(hazard, { hazard: id, ...(await made(found)), programs });
}

async function recordAccess(tell: (doing: string) => void): Promise<string> {
  const access = await readAccess();
  const { servers, problems, skipped, versions } = await playAccess(access, tell);
  refuse([...problems, ...skipped]);
  const { id, title } = access;
  const routes = access.routes.map(({ title, method, path }) => ({ title, method, path }));
  return writeRecord(access, { access: id, title, ...(await made(versions)), routes, servers });
}

function refuse(problems: string[]): void {
  if (problems.length > 0) throw new Error(`Not recorded:\n${problems.join("\n")}`);
}

/** On what, and when. */
async function made(versions: Versions) {
  const { release } = await findOrthanc();
  return { release, versions, recordedAt: new Date().toISOString() };
}
