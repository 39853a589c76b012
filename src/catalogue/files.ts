/** Reads the files of programs, and changes their texts. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { compareFileNames, type Language } from "../protocol/programs.ts";
import { EXAMPLES, type Program } from "./catalogue.ts";
import { ScenarioError } from "./parse.ts";

/** The files that readers copy along with a program, below `examples/`. */
const COPIED_ALONG: Record<Language, string[]> = {
  python: ["pool/pool.py", "routes/routes.py"],
  typescript: ["bridge/bridge.py", "pool/pool.ts", "routes/routes.ts", "undici/client.ts"],
};
const ENDINGS: Record<Language, RegExp> = { python: /\.py$/, typescript: /(?<!\.test)\.ts$/ };

/** The texts of files, by name. */
export type Files = Record<string, string>;

/** Reads the files that readers copy along with a program. */
export async function readSharedFiles(language: Language): Promise<Files> {
  const texts = COPIED_ALONG[language].map(async (name) => [
    path.basename(name),
    await readFile(path.join(EXAMPLES, name), "utf8"),
  ]);
  return Object.fromEntries(await Promise.all(texts));
}

/** Reads a program's own files, the one that Orthanc or the bridge loads first: pages show them, readers change them. */
export async function readProgramFiles({
  folder,
  language,
}: Pick<Program, "folder" | "language">): Promise<Files> {
  const names = (await readdir(folder))
    .filter((name) => ENDINGS[language].test(name))
    .sort(compareFileNames);
  const texts = names.map(async (name) => [name, await readFile(path.join(folder, name), "utf8")]);
  return Object.fromEntries(await Promise.all(texts));
}

/**
 * Replaces texts in a program's files.
 * @param replacements by file: text to replacement; each text must occur exactly once
 * @returns the files that were changed
 * @throws ScenarioError with the file, and the text if it does not occur exactly once
 */
export function replaceTexts(
  files: Files,
  replacements: Record<string, Record<string, string>>,
): Files {
  const found: Files = {};
  for (const [name, pairs] of Object.entries(replacements)) {
    let text = files[name];
    if (text === undefined) {
      throw new ScenarioError(`There is no file ${name} to replace texts in.`);
    }
    for (const [from, to] of Object.entries(pairs)) {
      const parts: string[] = text.split(from);
      if (parts.length !== 2) {
        throw new ScenarioError(`${name} must have this text once, to be replaced: ${from}`);
      }
      text = parts.join(to);
    }
    found[name] = text;
  }
  return found;
}
