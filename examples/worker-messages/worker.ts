import type { MessagePort } from "node:worker_threads";

const STEPS = 10n;

/** A worker's task, and the port for its progress in percent. */
export interface Task {
  count: number;
  messages: MessagePort;
}

// #region worker
/** Adds up square numbers, in a worker, and reports after each tenth. */
export default function compute({ count, messages }: Task): bigint {
  const end = BigInt(count);
  let total = 0n;
  try {
    for (let step = 0n; step < STEPS; step++) {
      let number = (end * step) / STEPS;
      for (; number < (end * (step + 1n)) / STEPS; number++)
        total += number * number;
      messages.postMessage(Number((100n * (step + 1n)) / STEPS));
    }
    return total;
  } finally {
    messages.close(); // The main thread waits for it, to lose no message.
  }
}
// #endregion
