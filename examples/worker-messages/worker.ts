import type { MessagePort } from "node:worker_threads";

const STEPS = 10;

/** What a worker is told to do, and the port on which it says how far it is, in percent. */
export interface Task {
  count: number;
  messages: MessagePort;
}

// #region worker
/** Computes that many square roots, in a worker, and says after each tenth how far it is. */
export default function compute({ count, messages }: Task): number {
  let sum = 0;
  try {
    for (let step = 0; step < STEPS; step++) {
      const end = Math.floor((count * (step + 1)) / STEPS);
      for (let number = Math.floor((count * step) / STEPS); number < end; number++) {
        sum += Math.sqrt(number);
      }
      messages.postMessage((100 * (step + 1)) / STEPS);
    }
    return sum;
  } finally {
    messages.close(); // The master waits for it, so that no message is lost.
  }
}
// #endregion
