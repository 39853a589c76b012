/** The names of the programs that are run. */

/** The languages of the programs. The two programs of an example, one in each, are its twins. */
export const LANGUAGES = ["python", "typescript"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The two variants of a hazard's programs. */
export const VARIANTS = ["failing", "fixed"] as const;
export type Variant = (typeof VARIANTS)[number];

/** A program of a scenario. */
export interface ProgramName {
  /** Unique within the scenario: `python`, `failing python`, `Authentication off`. */
  program: string;
  language: Language;
  /** Only a hazard's program has one. */
  variant?: Variant;
}

/** Sorts names of files: the program first, then the files that it imports. */
export function compareFileNames(one: string, other: string): number {
  const first = (name: string) => Number(!name.startsWith("plugin."));
  return first(one) - first(other) || one.localeCompare(other);
}
