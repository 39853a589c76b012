/** Adds up square numbers, in a worker, and sends the sum. */
process.on("message", (count: string) => {
  let total = 0n;
  for (let number = 0n; number < BigInt(count); number++)
    total += number * number;
  process.send?.(String(total));
});
