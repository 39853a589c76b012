import { readProgram } from "../catalogue/catalogue.ts";
import { type Files, readProgramFiles, replaceTexts } from "../catalogue/files.ts";

/**
 * Replaces texts in the files of a program.
 * @param replacements text to replacement; each text must occur in exactly one file, exactly once
 * @returns all of the program's own files
 */
export async function editProgram(
  id: string,
  program: string,
  replacements: Record<string, string>,
): Promise<Files> {
  const files = await readProgramFiles(await readProgram(id, program));
  for (const [from, to] of Object.entries(replacements)) {
    const name = Object.keys(files).find((name) => files[name]?.includes(from)) ?? "plugin";
    Object.assign(files, replaceTexts(files, { [name]: { [from]: to } }));
  }
  return files;
}
