/**
 * Returns the median of three measurements in a row: other load on the machine may spoil one. If the first two are
 * good, the median is so, whatever the third would be: it is left out.
 */
export async function medianOfThree(
  measure: () => Promise<number>,
  isGood: (value: number) => boolean,
): Promise<number> {
  const values = [await measure(), await measure()];
  if (!values.every(isGood)) values.push(await measure());
  return values.sort((one, other) => one - other)[1] as number;
}
