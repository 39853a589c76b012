/** Adds up many square roots. */
export default function compute(): number {
  let sum = 0;
  for (let number = 0; number < 1_000_000; number++) sum += Math.sqrt(number);
  return sum;
}
