/** Reads the files of `examples/` and the records, for the pages. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { MutationsFile } from "../harness/mutations.ts";
import type { Benchmark } from "../protocol/benchmark.ts";
import type { HazardProgram, MutationRow, RecordOrigin } from "../protocol/page.ts";
import { compareFileNames, type Twin } from "../protocol/programs.ts";
import type { RecordedAccessTable, RecordedHazard, RecordedRun } from "../protocol/record.ts";
import { checkTwins, type MarkedFile, parseRegions } from "./regions.ts";

/** A page refers to something that does not exist. */
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
 * @throws MissingError if there is no such example or twin; RegionError if regions are invalid
 */
export async function readTwins(root: string, id: string): Promise<TwinFiles> {
  const names = await namesIn(path.join(root, "examples", id));
  if (!names.includes("plugin.py") && !names.includes("plugin.ts")) {
    throw new MissingError(
      `there is no example "${id}"; the folders below examples/ are: ${(await namesIn(path.join(root, "examples"))).join(", ") || "none"}.`,
    );
  }
  const read = (program: string, ending: RegExp) => {
    const own = names.filter((name) => ending.test(name)).sort(compareFileNames);
    const files = own.includes(program) ? own : [program, ...own];
    return Promise.all(files.map((name) => readMarked(root, `examples/${id}/${name}`)));
  };
  const twins = {
    python: await read("plugin.py", /\.py$/),
    typescript: await read("plugin.ts", /(?<!\.test)\.ts$/),
  };
  checkTwins(twins.python, twins.typescript);
  return twins;
}

/**
 * Reads a file with its regions.
 * @param root the repository's folder
 * @param file a path below it
 * @throws MissingError if it does not exist
 */
export async function readMarked(root: string, file: string): Promise<MarkedFile> {
  return parseRegions(await readText(root, file, "Write it, or name another one."), file);
}

/**
 * Reads the recorded run of an example.
 * @param root the repository's folder
 * @throws MissingError if there is none
 */
export async function readRecordedRun(root: string, id: string): Promise<RecordedRun> {
  const file = `static/runs/${id}.json`;
  return JSON.parse(await readText(root, file, 'Make it with "npm run record".')) as RecordedRun;
}

/**
 * Reads the recorded access table.
 * @param root the repository's folder
 * @throws MissingError if there is none
 */
export async function readRecordedAccess(root: string): Promise<RecordedAccessTable> {
  const file = "static/runs/token-access.json";
  return JSON.parse(
    await readText(root, file, 'Make it with "npm run record".'),
  ) as RecordedAccessTable;
}

/**
 * Reads the result of a benchmark.
 * @param root the repository's folder
 * @throws MissingError if there is none with this name
 */
export async function readBenchmark(root: string, name: string): Promise<Benchmark> {
  const file = `static/benchmarks/${name}.json`;
  return JSON.parse(await readText(root, file, 'Make it with "npm run benchmark".')) as Benchmark;
}

/**
 * Reads the list of programs that are broken on purpose.
 * @param root the repository's folder
 * @throws MissingError if there is none
 */
export async function readMutationRows(root: string): Promise<MutationRow[]> {
  const text = await readText(root, "src/harness/mutations.json", "The harness's tests need it.");
  const { checks, mutations } = JSON.parse(text) as MutationsFile;
  return mutations.map(({ what, id, file, caughtBy, report }) => {
    return { what, program: `${id}/${file}`, caughtBy: checks[caughtBy], report };
  });
}

/** A program of a hazard, with its files instead of their highlighted code. */
type HazardSource = Omit<HazardProgram, "code"> & { files: MarkedFile[] };

/**
 * Reads the programs of a hazard, with their recorded results.
 * @param root the repository's folder
 * @param name the name of the hazard's folder
 * @param variant `failing` or `fixed`
 * @throws MissingError if there is no such hazard, variant or record
 */
export async function readHazard(
  root: string,
  name: string,
  variant: string,
): Promise<{ programs: HazardSource[]; recorded: RecordOrigin }> {
  const folder = `examples/hazards/${name}`;
  const hazard = JSON.parse(await readText(root, `${folder}/hazard.json`, "Name another one."));
  if (variant !== "failing" && variant !== "fixed") {
    throw new MissingError(`a hazard's kind is "failing" or "fixed", not "${variant}".`);
  }
  const record = JSON.parse(
    await readText(root, `static/runs/hazards/${name}.json`, 'Make it with "npm run record".'),
  ) as RecordedHazard;
  const names = await namesIn(path.join(root, folder, variant));
  const read = async (twin: Twin, ending: string): Promise<HazardSource> => {
    const { impossible } = hazard[variant][twin];
    const own = impossible === undefined ? names.filter((file) => file.endsWith(ending)) : [];
    const files = await Promise.all(
      own.map((file) => readMarked(root, `${folder}/${variant}/${file}`)),
    );
    const result = record.programs.find(
      (program) => program.kind === variant && program.twin === twin,
    );
    return { twin, files, ...(impossible === undefined ? { result } : { impossible }) };
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
