/** Measurements of times, which whatever else a machine does can spoil. */

/** The median of three measurements in a row, each in the unit that `measure` gives: one may be far out. */
export async function medianOfThree(measure: () => Promise<number>): Promise<number> {
  const values = [await measure(), await measure(), await measure()];
  return values.sort((one, other) => one - other)[1] as number;
}
