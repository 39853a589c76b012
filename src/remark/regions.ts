/**
 * The marked regions of an example's files: `# region NAME` to `# endregion` in Python,
 * `// #region NAME` to `// #endregion` in TypeScript.
 */
import path from "node:path";

/** The regions of an example's files are invalid: each line contains a file and line, the error, and the remedy. */
export class RegionError extends Error {
  override name = "RegionError";
}

/** A named part of a file. */
export interface Region {
  name: string;
  /** The line of its opening mark, counted from 1. */
  line: number;
  /** Without the marks and without blank lines around it, with a newline at its end. */
  text: string;
}

/** A file with its regions. */
export interface MarkedFile {
  /** The name in messages and in the heading of a block, such as `worker-pool/plugin.py`. */
  file: string;
  /** The whole file without the lines of the marks. */
  text: string;
  regions: Region[];
}

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Anything that looks like a mark, so that a misspelt one does not appear on a page. */
const MARK = /^\s*(?:#|\/\/) *#? *(?<end>end)?region(?<rest>\s.*)?$/;

interface Marks {
  open: string;
  close: string;
}

const MARKS: Record<string, Marks> = {
  ".py": { open: "# region", close: "# endregion" },
  ".ts": { open: "// #region", close: "// #endregion" },
};

/**
 * Finds the regions of a file. Only Python and TypeScript files have marks.
 * @param source the content of the file
 * @param file its name, for messages; its ending determines the language
 * @throws RegionError with every error in the file
 */
export function parseRegions(source: string, file: string): MarkedFile {
  const marks = MARKS[path.extname(file)];
  if (marks === undefined) {
    return { file, text: source, regions: [] };
  }
  const errors: string[] = [];
  const regions: Region[] = [];
  const kept: string[] = [];
  let open: { name: string; line: number; lines: string[] } | undefined;

  for (const [index, content] of source.split("\n").entries()) {
    const line = index + 1;
    const mark = MARK.exec(content)?.groups;
    if (mark === undefined) {
      kept.push(content);
      open?.lines.push(content);
      continue;
    }
    const written = content.trim();
    const name = mark.rest?.trim() ?? "";
    if (written !== (mark.end === undefined ? `${marks.open} ${name}` : marks.close)) {
      errors.push(
        `${file}:${line}: "${written}" is not a mark that is known; write "${marks.open} NAME" or "${marks.close}", or word the comment differently.`,
      );
    } else if (mark.end !== undefined) {
      if (open === undefined) {
        errors.push(
          `${file}:${line}: "${marks.close}" closes nothing; put "${marks.open} NAME" above it, or remove it.`,
        );
      } else if (open.lines.every((text) => text.trim() === "")) {
        errors.push(
          `${file}:${open.line}: region "${open.name}" is empty; put code between its marks, or remove them.`,
        );
      } else {
        regions.push({ name: open.name, line: open.line, text: withoutBlankEnds(open.lines) });
      }
      open = undefined;
    } else {
      const twin = regions.find((region) => region.name === name);
      if (!NAME.test(name)) {
        errors.push(
          `${file}:${line}: "${name}" is not a valid name for a region; use lower case letters, digits and single hyphens.`,
        );
      }
      if (open !== undefined) {
        errors.push(
          `${file}:${line}: region "${name}" opens inside "${open.name}" of line ${open.line}; regions do not nest: close that one first with "${marks.close}".`,
        );
      }
      if (twin !== undefined) {
        errors.push(definedTwice(name, { file, line }, { file, line: twin.line }));
      }
      open = { name, line, lines: [] };
    }
  }
  if (open !== undefined) {
    errors.push(
      `${file}:${open.line}: region "${open.name}" is not closed; put "${marks.close}" where it ends.`,
    );
  }
  if (errors.length > 0) {
    throw new RegionError(errors.join("\n"));
  }
  // Around a mark there were blank lines on both sides.
  const text = kept.join("\n").replace(/\n{4,}/g, "\n\n\n");
  return { file, text, regions };
}

/**
 * Finds a region in the files of one twin.
 * @returns the region and the file that contains it
 * @throws RegionError if no file contains it: the message lists all regions
 */
export function findRegion(
  files: MarkedFile[],
  name: string,
): { file: MarkedFile; region: Region } {
  for (const file of files) {
    const region = file.regions.find((candidate) => candidate.name === name);
    if (region !== undefined) {
      return { file, region };
    }
  }
  const there = files.flatMap((file) => file.regions.map((region) => `"${region.name}"`));
  throw new RegionError(
    `${files.map((file) => file.file).join(", ")}: there is no region "${name}"; ${
      there.length > 0 ? `there are ${there.join(", ")}` : "no region is marked there"
    }. Mark it there, or name another one in the page.`,
  );
}

/**
 * Checks that each region occurs once in a twin, and that both twins have the same regions.
 * @throws RegionError with every error
 */
export function checkTwins(python: MarkedFile[], typescript: MarkedFile[]): void {
  const errors = [
    ...definedInTwoFiles(python),
    ...definedInTwoFiles(typescript),
    ...lackingIn(python, typescript, "TypeScript"),
    ...lackingIn(typescript, python, "Python"),
  ];
  if (errors.length > 0) {
    throw new RegionError(errors.join("\n"));
  }
}

function definedInTwoFiles(files: MarkedFile[]): string[] {
  const seen = new Map<string, Place>();
  const errors: string[] = [];
  for (const { file, regions } of files) {
    for (const { name, line } of regions) {
      const first = seen.get(name);
      if (first === undefined) {
        seen.set(name, { file, line });
      } else {
        errors.push(definedTwice(name, { file, line }, first));
      }
    }
  }
  return errors;
}

function lackingIn(having: MarkedFile[], other: MarkedFile[], language: string): string[] {
  const names = new Set(other.flatMap((file) => file.regions.map((region) => region.name)));
  const where = other.map((file) => file.file).join(" or ");
  return having.flatMap(({ file, regions }) =>
    regions
      .filter((region) => !names.has(region.name))
      .map(
        ({ name, line }) =>
          `${file}:${line}: region "${name}" has no ${language} twin; mark the same region in ${where}, or remove this one.`,
      ),
  );
}

interface Place {
  file: string;
  line: number;
}

function definedTwice(name: string, place: Place, first: Place): string {
  return `${place.file}:${place.line}: region "${name}" is already defined at ${first.file}:${first.line}; rename one of them.`;
}

function withoutBlankEnds(lines: string[]): string {
  const blank = (text: string) => text.trim() === "";
  const first = lines.findIndex((text) => !blank(text));
  const last = lines.findLastIndex((text) => !blank(text));
  return `${lines.slice(first, last + 1).join("\n")}\n`;
}
