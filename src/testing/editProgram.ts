import { readExample } from "../harness/example.ts";
import { readTwinFiles, replaceTexts, type TwinFiles } from "../harness/twin.ts";
import type { Twin } from "../protocol/programs.ts";

const PROGRAM: Record<Twin, string> = { python: "plugin.py", typescript: "plugin.ts" };

/**
 * Replaces texts in the program of a twin.
 * @param replacements text to replacement; each text must occur exactly once
 * @returns all of the twin's own files
 */
export async function editProgram(
  id: string,
  twin: Twin,
  replacements: Record<string, string>,
): Promise<TwinFiles> {
  const files = await readTwinFiles(await readExample(id), twin);
  return { ...files, ...replaceTexts(files, { [PROGRAM[twin]]: replacements }) };
}
