/**
 * A pool of worker threads for TypeScript plugins of Orthanc: piscina, behind a queue with limits.
 *
 * Copy this file beside a plugin; it needs the packages `piscina` and `p-queue`. Every call ends. A
 * call that waits too long is dropped alone; a task that takes too long costs its own thread, which
 * is replaced. Only native code that never returns, such as `execSync`, keeps its thread for good.
 */
import type { TransferListItem } from "node:worker_threads";
import PQueue from "p-queue";
import { Piscina } from "piscina";

/** A call has ended without a result. `status` is the HTTP status for it. */
export class PoolError extends Error {
  readonly status: number = 503;
}

/** All workers are busy. The task was not run: try again later. */
export class PoolBusy extends PoolError {}

/** The task has not finished in time, and its thread was ended. */
export class DeadlineExceeded extends PoolError {
  override readonly status = 504;
}

/** Node can't wait for longer, in milliseconds: about 24 days. */
const LONGEST = 2 ** 31 - 1;

export interface PoolOptions {
  workers: number;
  /** How many calls may wait for a worker; each holds one of Orthanc's 50 HTTP threads. */
  waiting?: number;
  /** How long each may wait, in seconds. */
  patience?: number;
}

export interface CallOptions {
  /** The export of the file that is run; without it, the default one. */
  name?: string;
  /** Seconds that the worker has, not counting the wait; a new worker's start counts. */
  deadline: number;
  transferList?: TransferListItem[];
  /** To end the call early, abort it with the error that `run` is to throw. */
  ending?: AbortController;
}

/** Runs the default export of a file in threads; `Task` is its argument, `Result` what it returns. */
export class WorkerPool<Task, Result> {
  readonly #threads: Piscina<Task, Result>;
  readonly #loaded: Promise<unknown>;
  readonly #queue: PQueue;
  readonly #waiting: number;
  readonly #patience: number;

  constructor(
    file: URL,
    { workers, waiting = 16, patience = 10 }: PoolOptions,
  ) {
    // An idle worker must not sleep so deeply that it misses the end of its network connections.
    const atomics = "disabled";
    const [minThreads, maxThreads] = [workers, workers];
    this.#threads = new Piscina({
      filename: file.href,
      minThreads,
      maxThreads,
      atomics,
    });
    // What a task has left behind, such as a timer, may fail later: that must not end all of Node.
    this.#threads.on("error", (error) =>
      console.error("A worker has failed without a task:", error),
    );
    // Piscina's first workers are given tasks while they still load the file. To end a worker that
    // loads an ES module with require() can abort all of Node: each does a task without a file first.
    const nothing = { filename: "node:timers/promises", name: "setImmediate" };
    const first = Array.from({ length: workers }, () =>
      this.#threads.run(null as never, nothing),
    );
    this.#loaded = Promise.allSettled(first).then(() => Promise.any(first));
    this.#loaded.catch(() => {}); // Each call throws it.
    this.#queue = new PQueue({ concurrency: workers });
    this.#waiting = waiting;
    this.#patience = patience;
  }

  /** Whether the next call would be refused. */
  get isFull(): boolean {
    return (
      this.#queue.pending === this.#queue.concurrency &&
      this.#queue.size >= this.#waiting
    );
  }

  /** Throws PoolBusy, DeadlineExceeded, what the task or its file throws, or an error if its thread has died. */
  async run(task: Task, options: CallOptions): Promise<Result> {
    const {
      name,
      deadline,
      transferList,
      ending = new AbortController(),
    } = options;
    if (this.isFull)
      throw new PoolBusy(`${this.#waiting} calls are waiting already`);
    if (Number.isNaN(deadline))
      throw new RangeError("The deadline must be a number of seconds.");
    const end = (seconds: number, error: Error) =>
      setTimeout(() => ending.abort(error), Math.min(1000 * seconds, LONGEST));
    const busy = new PoolBusy(
      `no worker was free within ${this.#patience} seconds`,
    );
    let timer = end(this.#patience, busy);
    const work = async () => {
      clearTimeout(timer);
      const late = new DeadlineExceeded(
        `no worker finished within ${deadline} seconds`,
      );
      timer = end(deadline, late);
      await this.#loaded.catch((none: AggregateError) => {
        throw none.errors[0];
      });
      return this.#threads.run(task, {
        name,
        transferList,
        signal: ending.signal,
      });
    };
    try {
      return await this.#queue.add(work, { signal: ending.signal });
    } catch (error) {
      throw ending.signal.aborted ? ending.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }
}
