/**
 * A pool of worker threads for TypeScript plugins of Orthanc: piscina, behind a
 * queue with limits.
 *
 * Copy this file beside a plugin. It needs the packages `piscina` and
 * `p-queue`. Every call ends. If a call waits too long, it alone is dropped. If
 * a task takes too long, its own thread is ended and replaced. Only native code
 * that never returns, such as `execSync`, keeps its thread forever.
 */
import type { TransferListItem } from "node:worker_threads";
import PQueue from "p-queue";
import { Piscina } from "piscina";

/** A call ended without a result. `httpStatus` is its HTTP status. */
export class PoolError extends Error {
  readonly httpStatus: number = 503;
}

/** All workers are busy. The task did not run: try again later. */
export class PoolBusy extends PoolError {}

/** The task did not finish in time, and its thread was ended. */
export class DeadlineExceeded extends PoolError {
  override readonly httpStatus = 504;
}

/** Milliseconds: Node can't wait longer than about 24 days. */
const LONGEST = 2 ** 31 - 1;

export interface PoolOptions {
  workers: number;
  /** Calls that may wait: each holds one of Orthanc's 50 HTTP threads. */
  waiting?: number;
  /** Seconds that each call may wait. */
  patience?: number;
}

export interface CallOptions {
  /** The export of the file that is run; without it, the default one. */
  name?: string;
  /** Seconds that the worker has. Its start counts, but the wait does not. */
  deadline: number;
  transferList?: TransferListItem[];
  /** To end the call early, abort it with the error that `run` should throw. */
  ending?: AbortController;
}

/**
 * Runs exports of a file in threads. `Task` is its argument, and
 * `Result` is what it returns.
 */
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
    // An idle worker must not sleep so deeply that it misses the end of its
    // network connections.
    const atomics = "disabled";
    const [minThreads, maxThreads] = [workers, workers];
    this.#threads = new Piscina({
      filename: file.href,
      minThreads,
      maxThreads,
      atomics,
    });
    // If a task leaves something behind, such as a timer, it may fail later.
    // That must not end all of Node.
    this.#threads.on("error", (error) =>
      console.error("A worker has failed without a task:", error),
    );
    // Piscina gives its first workers tasks while they still load the file. If
    // a worker is ended while it loads an ES module with require(), all of Node
    // can abort. So each worker first does a task without a file.
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

  /** True if the next call would be refused. */
  get isFull(): boolean {
    return (
      this.#queue.pending === this.#queue.concurrency &&
      this.#queue.size >= this.#waiting
    );
  }

  /**
   * Runs a task in a thread, and returns what it returns.
   * @throws PoolBusy, DeadlineExceeded, what the task or its file throws, or an
   *   error if its thread has died
   */
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
