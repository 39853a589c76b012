/** Reads the files that pages show: programs below `examples/`, records and benchmarks below `static/`. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Program, Scenario } from "../catalogue/catalogue.ts";
import { readProgramFiles } from "../catalogue/files.ts";
import type { Benchmark } from "../protocol/benchmark.ts";
import type { RecordedScenario } from "../protocol/record.ts";
import { type MarkedFile, parseRegions } from "./regions.ts";

/** A page refers to something that does not exist. */
export class MissingError extends Error {
  override name = "MissingError";
}

/**
 * Reads a program's own files with their regions.
 * @param root the repository's folder
 * @throws RegionError if regions are invalid
 */
export async function readMarkedProgram(root: string, program: Program): Promise<MarkedFile[]> {
  const files = await readProgramFiles(program);
  const folder = path.relative(root, program.folder);
  return Object.entries(files).map(([name, text]) => parseRegions(text, `${folder}/${name}`));
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
 * Reads the record of a scenario.
 * @param root the repository's folder
 * @throws MissingError if there is none
 */
export async function readRecord(
  root: string,
  { id }: Pick<Scenario, "id">,
): Promise<RecordedScenario> {
  return JSON.parse(await readText(root, `static/runs/${id}.json`, `Make it: npm run record`));
}

/**
 * Reads the result of a benchmark.
 * @param root the repository's folder
 * @throws MissingError if there is none with this name
 */
export async function readBenchmark(root: string, name: string): Promise<Benchmark> {
  const file = `static/benchmarks/${name}.json`;
  return JSON.parse(await readText(root, file, "Make it: npm run benchmark"));
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
