/** Reads the files of `examples/` and the recorded runs, for the pages. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { RecordedRun } from "../harness/run.ts";
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
  const read = (name: string) => readMarked(root, `examples/${id}/${name}`);
  const twins = {
    python: [await read("plugin.py")],
    typescript: [
      await read("plugin.ts"),
      ...(names.includes("worker.ts") ? [await read("worker.ts")] : []),
    ],
  };
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
