// #region compute
/** Adds up square numbers, in a worker: the sum, and the time in seconds. */
export default function compute(count: number): [bigint, number] {
  const start = performance.now();
  // Exact, as whole numbers are in Python.
  let total = 0n;
  for (let number = 0n; number < count; number++) total += number * number;
  return [total, (performance.now() - start) / 1000];
}
// #endregion
