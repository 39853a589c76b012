/** One live run: plays the twins that a page asked for, tells of it as it goes on, and has an end. */
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { Example } from "../harness/example.ts";
import { differences, judgeRun } from "../harness/judge.ts";
import { playTwin } from "../harness/play.ts";
import type { TwinRun, Versions } from "../harness/run.ts";
import type { RunEnd, RunEvent, RunRequest } from "./events.ts";
import { findMistakes } from "./mistakes.ts";

/** How long a run may take, without the time that it waits for others, in milliseconds. */
const RUN_LIMIT = 120_000;
/**
 * How many processes a twin may have at once, with Orthanc, how much memory in all, and how much it may print before
 * Orthanc has started, in bytes. From then on there is a lower limit.
 */
const LIMITS = { processes: 100, memory: 2_000_000_000, log: 10_000_000 };
/** After this time without anybody who follows it, a run is stopped, in milliseconds. A page reloads in less. */
const ABANDONED = 10_000;

/** A run was stopped from outside: why. */
class Stopped extends Error {}

/** A run, which waits until `play` is called. */
export class Run {
  readonly id = randomUUID();
  readonly #example: Example;
  readonly #request: RunRequest;
  readonly #events: RunEvent[] = [];
  readonly #told = new EventEmitter().setMaxListeners(0);
  readonly #stop = new AbortController();
  #playing = false;
  #followers = 0;
  #abandoned: NodeJS.Timeout | undefined;

  /** @param example with the number of calls that the reader chose */
  constructor(example: Example, request: RunRequest) {
    this.#example = example;
    this.#request = request;
    this.#awaitFollower();
  }

  /** Whether it has not begun. */
  get waiting(): boolean {
    return !this.#playing && !this.ended;
  }

  /** Whether nothing more will be told of it. */
  get ended(): boolean {
    return this.#events.at(-1)?.type === "ended";
  }

  tell(event: RunEvent): void {
    // What an Orthanc prints while it stops may come after the end.
    if (this.ended) return;
    this.#events.push(event);
    this.#told.emit("event");
  }

  /**
   * Gives all that is told of the run, from the beginning or from a later event on, until it has ended.
   * @param from the number of the first event, from 0
   * @throws AbortError where the signal was aborted
   */
  async *follow(from: number, signal: AbortSignal): AsyncGenerator<[number, RunEvent]> {
    this.#followers += 1;
    clearTimeout(this.#abandoned);
    try {
      for (let index = Math.min(from, this.#events.length); ; index++) {
        while (index === this.#events.length) {
          if (this.ended) return;
          await once(this.#told, "event", { signal });
        }
        yield [index, this.#events[index] as RunEvent];
      }
    } finally {
      this.#followers -= 1;
      if (this.#followers === 0) this.#awaitFollower();
    }
  }

  #awaitFollower(): void {
    const stop = () => this.stop("Nobody looked at it any more.");
    this.#abandoned = setTimeout(stop, ABANDONED).unref();
  }

  /** Ends the run, and settles when it has ended and no process of it is left. Does nothing where it had ended. */
  async stop(reason: string): Promise<void> {
    if (this.ended) return;
    this.#stop.abort(new Stopped(reason));
    if (this.waiting) this.tell({ type: "ended", end: { how: "stopped", reason } });
    while (!this.ended) await once(this.#told, "event");
  }

  /** Plays the twins, and settles when no process of them is left. Whatever goes wrong becomes the run's end. */
  async play(): Promise<void> {
    if (this.ended) return;
    this.#playing = true;
    const tooLong = new Error(
      `The run took longer than ${RUN_LIMIT / 1000} seconds and was ended.`,
    );
    const limit = setTimeout(() => this.#stop.abort(tooLong), RUN_LIMIT);
    const stopping: Promise<string[]>[] = [];
    let end: RunEnd;
    try {
      end = await this.#playTwins(stopping);
    } catch (error) {
      await Promise.all(stopping);
      const reason = error instanceof Error ? error.message : String(error);
      end = { how: error instanceof Stopped ? "stopped" : "failed", reason };
    }
    clearTimeout(limit);
    this.tell({ type: "ended", end });
    await Promise.all(stopping);
  }

  /** @param stopping takes up a promise for each Orthanc that is on its way out; none rejects */
  async #playTwins(stopping: Promise<string[]>[]): Promise<RunEnd> {
    const { signal } = this.#stop;
    const example = this.#example;
    const { twins, edited = {} } = this.#request;
    const mistakes = await findMistakes(edited, signal);
    if (mistakes.length > 0) return { how: "mistaken", mistakes };

    const runs: TwinRun[] = [];
    let seen: Versions | undefined;
    for (const twin of twins) {
      const calls = example.steps.reduce((sum, step) => sum + step.calls, 0);
      this.tell({ type: "starting", twin, calls });
      const { run, versions, stopped } = await playTwin(example, twin, {
        edited,
        signal,
        limits: LIMITS,
        report: (progress) => this.tell({ type: "progress", twin, progress }),
      });
      // The run is played by then; the rest is for whoever runs this server.
      stopping.push(
        stopped.catch((error) => {
          console.error(error);
          return [];
        }),
      );
      runs.push(run);
      seen ??= versions;
    }
    const [one, other] = runs;
    // What a twin leaves behind is seen when its Orthanc has ended.
    const endings = (await Promise.all(stopping)).flat();
    return {
      how: "played",
      versions: seen as Versions,
      edited: Object.keys(edited),
      unexpected: [...runs.flatMap((run) => judgeRun(example, run).problems), ...endings],
      ...(one && other && { differences: differences(example, one, other) }),
    };
  }
}
