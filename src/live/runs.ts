/** The runs that pages have asked for: two go on at once, the others wait. */
import PQueue from "p-queue";
import { type Example, withCalls } from "../harness/example.ts";
import type { RunRequest } from "./events.ts";
import { Run } from "./run.ts";

/** How many runs go on at once, and how many more may wait. */
const AT_ONCE = 2;
const WAITING = 8;
/** How many runs can still be looked at. */
const KEPT = 20;

/** There are too many runs that wait. */
export class BusyError extends Error {
  override name = "BusyError";
}

export class Runs {
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  readonly #runs = new Map<string, Run>();

  /**
   * Starts a run, or has it wait until others have ended.
   * @throws BusyError where too many wait
   */
  start(example: Example, request: RunRequest): Run {
    if (this.#waiting().length >= WAITING) {
      throw new BusyError(`${WAITING} runs are waiting already. Stop one, or try again later.`);
    }
    const { calls } = request;
    const run = new Run(calls === undefined ? example : withCalls(example, calls), request);
    this.#forgetOldest();
    this.#runs.set(run.id, run);
    this.#queue.add(async () => {
      const play = run.play();
      this.#tellWaiting();
      await play;
    });
    this.#tellWaiting();
    return run;
  }

  /** The run with an id; undefined where there is none, or it has been forgotten. */
  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  #waiting(): Run[] {
    return [...this.#runs.values()].filter((run) => run.waiting);
  }

  #tellWaiting(): void {
    for (const [ahead, run] of this.#waiting().entries()) run.tell({ type: "waiting", ahead });
  }

  #forgetOldest(): void {
    const ended = [...this.#runs.values()].filter((run) => run.ended);
    const excess = Math.max(0, this.#runs.size + 1 - KEPT);
    for (const run of ended.slice(0, excess)) this.#runs.delete(run.id);
  }
}
