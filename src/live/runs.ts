/** The runs that pages have requested: two are running at once, the others wait. */
import PQueue from "p-queue";
import { type Scenario, withCalls } from "../catalogue/catalogue.ts";
import type { RunRequest } from "../protocol/live.ts";
import { Run } from "./run.ts";

/** The maximum number of runs at once, and of those that wait. */
const CONCURRENCY = 2;
const WAITING = 8;
/** The maximum number of runs that are remembered. */
const KEPT = 20;

/** Too many runs are waiting. */
export class BusyError extends Error {
  override name = "BusyError";
}

export class Runs {
  readonly #queue = new PQueue({ concurrency: CONCURRENCY });
  readonly #runs = new Map<string, Run>();

  /**
   * Starts a run, or makes it wait until others have ended.
   * @throws BusyError if too many are waiting
   */
  start(scenario: Scenario, request: RunRequest): Run {
    if (this.#waiting().length >= WAITING) {
      throw new BusyError(`${WAITING} runs are waiting already. Stop one, or try again later.`);
    }
    const { calls } = request;
    const run = new Run(calls === undefined ? scenario : withCalls(scenario, calls), request);
    this.#forgetOldest();
    this.#runs.set(run.id, run);
    this.#queue.add(async () => {
      const play = run.play();
      this.#reportWaiting();
      await play;
    });
    this.#reportWaiting();
    return run;
  }

  /** Returns the run with an id; undefined if there is none, or if it has been forgotten. */
  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  #waiting(): Run[] {
    return [...this.#runs.values()].filter((run) => run.waiting);
  }

  #reportWaiting(): void {
    for (const [ahead, run] of this.#waiting().entries()) run.emit({ type: "waiting", ahead });
  }

  #forgetOldest(): void {
    const ended = [...this.#runs.values()].filter((run) => run.ended);
    const excess = Math.max(0, this.#runs.size + 1 - KEPT);
    for (const run of ended.slice(0, excess)) this.#runs.delete(run.id);
  }
}
