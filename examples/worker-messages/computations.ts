/** Long computations in workers, by id: start, progress, cancel. */
import { randomUUID } from "node:crypto";
import { MessageChannel } from "node:worker_threads";
import { type Outcome, outcome } from "./outcomes.ts";
import { PoolBusy, WorkerPool } from "./pool.ts";
import type { Task } from "./worker.ts";

// #region master
const WORKERS = 4;
const WAITING = 16; // computations that may wait for a worker
const DEADLINE = 600; // seconds that one may wait for a worker, and then work
const KEPT = 300; // seconds for which an ended computation can be asked for
const LIMIT = 1000; // computations that are remembered
const file = new URL("./worker.ts", import.meta.url);
const options = { workers: WORKERS, waiting: WAITING, patience: DEADLINE };
const pool = new WorkerPool<Task, bigint>(file, options);
export const computations = new Map<string, Computation>();

/** A computation in a worker. Clients get its public fields as JSON. */
export class Computation implements Outcome {
  readonly id = randomUUID();
  state: Outcome["state"] = "running";
  progress = 0; // percent
  error: Outcome["error"] = null;
  readonly #ending = new AbortController();
  readonly #ended: Promise<void>;

  /** Starts it, and does not wait. Throws PoolBusy. */
  constructor(count: number) {
    if (pool.isFull || computations.size >= LIMIT)
      throw new PoolBusy("there are too many computations");
    computations.set(this.id, this);
    this.#ended = this.#run(count);
  }

  /** Ends it, unless it has ended, and waits for its end. */
  cancel(): Promise<void> {
    this.#ending.abort();
    return this.#ended;
  }

  async #run(count: number): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const closed = new Promise((resolve) => port1.once("close", resolve));
    port1.on("message", (progress) => Object.assign(this, { progress }));
    const [ending, transferList] = [this.#ending, [port2]];
    const options = { deadline: DEADLINE, ending, transferList };
    try {
      await pool.run({ count, messages: port2 }, options);
      await closed; // The last messages may come after the result.
      this.state = "done";
    } catch (error) {
      port2.close(); // It is still here if no worker has had it.
      Object.assign(this, outcome(this.id, error));
    }
    setTimeout(() => computations.delete(this.id), 1000 * KEPT).unref();
  }
}
// #endregion
