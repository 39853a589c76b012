/** Sends a message of that many bytes, and goes on working. */
process.once("message", (size: number) => {
  process.send?.("x".repeat(size));
  setTimeout(() => process.disconnect(), 10_000);
});
