/** Sends a message of that many bytes, in a worker, and keeps working. */
import { setTimeout as sleep } from "node:timers/promises";

const size = Number(process.argv[2]);
process.send?.("x".repeat(size));
await sleep(10_000);
