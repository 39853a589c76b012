/** Adds up square numbers, in a worker, and sends the sum. */
const count = BigInt(process.argv[2] ?? "");
let total = 0n;
for (let number = 0n; number < count; number++) total += number * number;
process.send?.(String(total));
