/** Adds up as many square roots as each message says, and sends the sum. */
process.on("message", (count: number) => {
  let sum = 0;
  for (let number = 0; number < count; number++) sum += Math.sqrt(number);
  process.send?.(sum);
});
