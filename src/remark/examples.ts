/** Reads the files of `examples/` and the recorded runs, for the pages. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Benchmark } from "../benchmark/benchmark.ts";
import type { RecordedAccess } from "../harness/access.ts";
import type { MutationsFile } from "../harness/mutation.ts";
import type { RecordedHazard, SeenProgram } from "../harness/provoke.ts";
import type { RecordedRun, Versions } from "../harness/run.ts";
import { checkTwins, type MarkedFile, parseRegions } from "./regions.ts";

/** A page asks for what is not there. */
export class MissingError extends Error {
  override name = "MissingError";
}

/** The files of an example, by twin. */
export interface TwinFiles {
  python: MarkedFile[];
  typescript: MarkedFile[];
}

/**
 * Reads both twins of an example and checks their regions.
 * @param root the repository's folder
 * @param id the name of the example's folder
 * @throws MissingError where there is no such example or no such twin; RegionError where regions are wrong
 */
export async function readTwins(root: string, id: string): Promise<TwinFiles> {
  const names = await namesIn(path.join(root, "examples", id));
  if (!names.includes("plugin.py") && !names.includes("plugin.ts")) {
    throw new MissingError(
      `there is no example "${id}"; the folders below examples/ are: ${(await namesIn(path.join(root, "examples"))).join(", ") || "none"}.`,
    );
  }
  const read = (pattern: RegExp) => {
    const others = names.filter((name) => pattern.test(name) && !name.startsWith("plugin."));
    const plugin = pattern.test("plugin.py") ? "plugin.py" : "plugin.ts";
    return Promise.all(
      [plugin, ...others].map((name) => readMarked(root, `examples/${id}/${name}`)),
    );
  };
  const twins = { python: await read(/\.py$/), typescript: await read(/(?<!\.test)\.ts$/) };
  checkTwins(twins.python, twins.typescript);
  return twins;
}

/**
 * Reads one file and takes it apart at its marks.
 * @param root the repository's folder
 * @param file below it
 * @throws MissingError where it is not there
 */
export async function readMarked(root: string, file: string): Promise<MarkedFile> {
  return parseRegions(await readText(root, file, "Write it, or name another one."), file);
}

/**
 * Reads the recorded run of an example.
 * @param root the repository's folder
 * @throws MissingError where there is none
 */
export async function readRecordedRun(root: string, id: string): Promise<RecordedRun> {
  const file = `static/runs/${id}.json`;
  return JSON.parse(await readText(root, file, 'Make it with "npm run record".')) as RecordedRun;
}

/**
 * Reads the recorded table of what a token opens.
 * @param root the repository's folder
 * @throws MissingError where there is none
 */
export async function readRecordedAccess(root: string): Promise<RecordedAccess> {
  const file = "static/runs/token-access.json";
  return JSON.parse(await readText(root, file, 'Make it with "npm run record".')) as RecordedAccess;
}

/**
 * Reads what a benchmark has measured.
 * @param root the repository's folder
 * @throws MissingError where there is none of this name
 */
export async function readBenchmark(root: string, name: string): Promise<Benchmark> {
  const file = `static/benchmarks/${name}.json`;
  return JSON.parse(await readText(root, file, 'Make it with "npm run benchmark".')) as Benchmark;
}

/** A program that is broken on purpose, as a page shows it. */
export interface MutationRow {
  /** What is broken. */
  what: string;
  /** The program, below `examples/`. */
  program: string;
  /** What notices it. */
  caughtBy: string;
  /** A part of what is reported. */
  report: string;
}

/**
 * Reads the list of programs that are broken on purpose.
 * @param root the repository's folder
 * @throws MissingError where there is none
 */
export async function readMutationRows(root: string): Promise<MutationRow[]> {
  const text = await readText(root, "src/harness/mutations.json", "The harness's tests need it.");
  const { checks, mutations } = JSON.parse(text) as MutationsFile;
  return mutations.map(({ what, id, file, caughtBy, report }) => {
    return { what, program: `${id}/${file}`, caughtBy: checks[caughtBy], report };
  });
}

/** A program of a hazard as a page shows it. */
export interface HazardProgram {
  twin: "python" | "typescript";
  files: MarkedFile[];
  /** What was seen of it; undefined where the language has no such program. */
  seen?: SeenProgram;
  /** Why the language has none. */
  impossible?: string;
}

/**
 * Reads the programs of a hazard, with what was recorded of them.
 * @param root the repository's folder
 * @param name the name of the hazard's folder
 * @param kind `failing` or `mended`
 * @throws MissingError where there is no such hazard, kind or record
 */
export async function readHazard(
  root: string,
  name: string,
  kind: string,
): Promise<{ programs: HazardProgram[]; recorded: { at: string; versions: Versions } }> {
  const folder = `examples/hazards/${name}`;
  const declared = JSON.parse(await readText(root, `${folder}/hazard.json`, "Name another one."));
  if (kind !== "failing" && kind !== "mended") {
    throw new MissingError(`a hazard's kind is "failing" or "mended", not "${kind}".`);
  }
  const record = JSON.parse(
    await readText(root, `static/runs/hazards/${name}.json`, 'Make it with "npm run record".'),
  ) as RecordedHazard;
  const names = await namesIn(path.join(root, folder, kind));
  const read = async (twin: HazardProgram["twin"], ending: string): Promise<HazardProgram> => {
    const { impossible } = declared[kind][twin];
    const own = impossible === undefined ? names.filter((file) => file.endsWith(ending)) : [];
    const files = await Promise.all(
      own.map((file) => readMarked(root, `${folder}/${kind}/${file}`)),
    );
    const seen = record.programs.find((program) => program.kind === kind && program.twin === twin);
    return { twin, files, ...(impossible === undefined ? { seen } : { impossible }) };
  };
  return {
    programs: [await read("python", ".py"), await read("typescript", ".ts")],
    recorded: { at: record.recordedAt, versions: record.versions },
  };
}

async function readText(root: string, file: string, advice: string): Promise<string> {
  try {
    return await readFile(path.join(root, file), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new MissingError(`there is no file ${file}. ${advice}`);
    }
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}
