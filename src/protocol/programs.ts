/** The names of the programs that are run. */

/** The two programs of an example. */
export const TWINS = ["python", "typescript"] as const;
export type Twin = (typeof TWINS)[number];

/** The two variants of a hazard's programs. */
export const VARIANTS = ["failing", "fixed"] as const;
export type Variant = (typeof VARIANTS)[number];

/** Sorts names of files: the program first, then the files that it imports. */
export function compareFileNames(one: string, other: string): number {
  const first = (name: string) => Number(!name.startsWith("plugin."));
  return first(one) - first(other) || one.localeCompare(other);
}
