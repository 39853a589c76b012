// #region compute
/** Computes that many square roots, in a worker, and gives how long it took, in seconds. */
export default function compute(count: number): number {
  const start = performance.now();
  let sum = 0;
  for (let number = 0; number < count; number++) sum += Math.sqrt(number);
  // A sum that is looked at keeps the compiler from dropping the loop.
  return sum < 0 ? 0 : (performance.now() - start) / 1000;
}
// #endregion
