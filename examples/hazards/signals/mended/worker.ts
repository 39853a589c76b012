/** Adds up that many square roots, and sends the sum. */
const count = Number(process.argv[2]);
let sum = 0;
for (let number = 0; number < count; number++) sum += Math.sqrt(number);
process.send?.(sum);
