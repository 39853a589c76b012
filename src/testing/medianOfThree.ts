/** Returns the median of three measurements in a row: other load on the machine may spoil one. */
export async function medianOfThree(measure: () => Promise<number>): Promise<number> {
  const values = [await measure(), await measure(), await measure()];
  return values.sort((one, other) => one - other)[1] as number;
}
