/**
 * Two lengths of one test: short in `npm test`, long in `npm run soak`. A file whose name ends in `.soak.test.ts`
 * has tests of both lengths.
 */

/** Whether this is the long run. */
export const SOAKING = process.env.SOAK === "1";

/** The short value in `npm test`, the long one in `npm run soak`. */
export function scaled<Value>(short: Value, long: Value): Value {
  return SOAKING ? long : short;
}

/** Prints how far a long test is; says nothing in the short one. */
export function reportProgress(text: string): void {
  if (SOAKING) process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
