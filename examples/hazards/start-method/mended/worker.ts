/** Adds up many square roots, and sends the sum. */
let sum = 0;
for (let number = 0; number < 1_000_000; number++) sum += Math.sqrt(number);
process.send?.(sum);
