/** Finds expected lines in the log of Orthanc. */

/** The maximum length of a match that is kept, in characters. */
const EXCERPT = 300;

/** Returns the first match of a regular expression in a log, shortened; undefined if there is none. */
export function findLine(log: string, pattern: string): string | undefined {
  return new RegExp(pattern, "m").exec(log)?.[0].slice(0, EXCERPT);
}
