/** The difference between a hazard's failing and fixed programs, highlighted. */
import path from "node:path";
import { structuredPatch } from "diff";
import type { FileChanges } from "../protocol/page.ts";
import { findLanguage, highlightLines, type Language } from "./highlight.ts";
import type { MarkedFile } from "./regions.ts";

/** The number of unchanged lines that are shown above and below a change. */
const CONTEXT = 3;

/**
 * Compares the files of two programs. A file that only one of them has is left out.
 * @returns the files that differ, in the order of `after`
 */
export async function diffPrograms(
  before: MarkedFile[],
  after: MarkedFile[],
): Promise<FileChanges[]> {
  const changes: FileChanges[] = [];
  for (const { file, text } of after) {
    const name = path.posix.basename(file);
    const old = before.find((other) => path.posix.basename(other.file) === name);
    if (old === undefined || old.text === text) continue;
    changes.push({ file: name, ...(await diff(old.text, text, findLanguage(file) ?? "text")) });
  }
  return changes;
}

/**
 * Compares two texts, line by line.
 * @returns HTML with the lines around each change: old ones in `del` elements after "−", new ones in `ins` elements
 * after "+"; and the numbers of both
 */
export async function diff(
  before: string,
  after: string,
  language: Language,
): Promise<Omit<FileChanges, "file">> {
  // Both are highlighted as a whole: a line alone does not show if it is in a docstring.
  const removed = await highlightLines(before, language);
  const added = await highlightLines(after, language);
  const { hunks } = structuredPatch("", "", before, after, "", "", { context: CONTEXT });
  const changes = { html: "", added: 0, removed: 0 };
  for (const { oldStart, newStart, lines } of hunks) {
    let oldLine = oldStart - 1;
    let newLine = newStart - 1;
    if (newLine > 0) changes.html += `<i>⋯ line ${newStart}</i>\n`;
    for (const line of lines) {
      if (line.startsWith("-")) {
        changes.html += `<del>− ${removed[oldLine++]}\n</del>`;
        changes.removed++;
      } else if (line.startsWith("+")) {
        changes.html += `<ins>+ ${added[newLine++]}\n</ins>`;
        changes.added++;
      } else {
        changes.html += `  ${added[newLine++]}\n`;
        oldLine++;
      }
    }
  }
  // Neighbours are one element, so that a screen reader announces them once.
  changes.html = changes.html.replaceAll(/<\/(del|ins)><\1>/g, "");
  return changes;
}
