/**
 * Two lengths of a test: short in `npm test`, long in `npm run soak`. Files whose names end in `.soak.test.ts` contain
 * tests of both lengths.
 */

/** True in the long run. */
export const SOAKING = process.env.SOAK === "1";

/** Returns the short value in `npm test`, the long one in `npm run soak`. */
export function scaled<Value>(short: Value, long: Value): Value {
  return SOAKING ? long : short;
}

/** Prints the progress of a long test; does nothing in a short one. */
export function reportProgress(text: string): void {
  if (SOAKING) process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
