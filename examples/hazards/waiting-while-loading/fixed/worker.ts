/** Adds up square numbers, in a worker. */
export default function compute(count: number): bigint {
  let total = 0n;
  for (let number = 0n; number < count; number++) total += number * number;
  return total;
}
