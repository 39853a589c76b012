import { readExample } from "../harness/example.ts";
import { readTwinFiles, replaceTexts, type TwinFiles } from "../harness/twin.ts";
import type { Twin } from "../protocol/programs.ts";

/**
 * Replaces texts in the files of a twin.
 * @param replacements text to replacement; each text must occur in exactly one file, exactly once
 * @returns all of the twin's own files
 */
export async function editProgram(
  id: string,
  twin: Twin,
  replacements: Record<string, string>,
): Promise<TwinFiles> {
  const files = await readTwinFiles(await readExample(id), twin);
  for (const [from, to] of Object.entries(replacements)) {
    const name = Object.keys(files).find((name) => files[name]?.includes(from)) ?? "plugin";
    Object.assign(files, replaceTexts(files, { [name]: { [from]: to } }));
  }
  return files;
}
