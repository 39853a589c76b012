/** One live run: plays the programs that a page has requested, within limits, and reports its progress. */
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { findProgram, type Scenario } from "../catalogue/catalogue.ts";
import type { Step } from "../catalogue/scenario.ts";
import { playScenario } from "../harness/play.ts";
import { hangsWhileStarting } from "../harness/player.ts";
import type { RunEnd, RunEvent, RunRequest } from "../protocol/live.ts";
import { findSyntaxErrors } from "./syntaxCheck.ts";

/** The time limit for a run, in milliseconds, without the time that it waits for others. */
const RUN_LIMIT = 120_000;
/**
 * The maximum number of a program's processes at once, including Orthanc, their total memory, and the output that they
 * may print before Orthanc has started, both in bytes. After that, the limit on the log is lower.
 */
export const LIMITS = { processes: 100, memory: 2_000_000_000, log: 10_000_000 };
/** The time that a run continues without a page that follows it, in milliseconds. A page reloads in less time. */
const ABANDONED = 10_000;

/** A run was stopped from outside, for the reason in the message. */
class Stopped extends Error {}

/** A run. It waits until `play` is called. */
export class Run {
  readonly id = randomUUID();
  readonly #scenario: Scenario;
  readonly #request: RunRequest;
  readonly #events: RunEvent[] = [];
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #stop = new AbortController();
  #playing = false;
  #followers = 0;
  #abandoned: NodeJS.Timeout | undefined;

  /** @param scenario with the number of calls that the reader chose */
  constructor(scenario: Scenario, request: RunRequest) {
    this.#scenario = scenario;
    this.#request = request;
    this.#awaitFollower();
  }

  /** It has neither started nor ended. */
  get waiting(): boolean {
    return !this.#playing && !this.ended;
  }

  /** No more events will follow. */
  get ended(): boolean {
    return this.#events.at(-1)?.type === "ended";
  }

  /** Reports an event to all that follow the run. */
  emit(event: RunEvent): void {
    // The output of an Orthanc that is stopping may arrive after the end.
    if (this.ended) return;
    this.#events.push(event);
    this.#emitter.emit("event");
  }

  /**
   * Yields the events of the run, from the first or a later one, until it has ended.
   * @param from the number of the first event, from 0
   * @throws AbortError if the signal was aborted
   */
  async *follow(from: number, signal: AbortSignal): AsyncGenerator<[number, RunEvent]> {
    this.#followers += 1;
    clearTimeout(this.#abandoned);
    try {
      for (let index = Math.min(from, this.#events.length); ; index++) {
        while (index === this.#events.length) {
          if (this.ended) return;
          await once(this.#emitter, "event", { signal });
        }
        yield [index, this.#events[index] as RunEvent];
      }
    } finally {
      this.#followers -= 1;
      if (this.#followers === 0) this.#awaitFollower();
    }
  }

  #awaitFollower(): void {
    const stop = () => this.stop("No page was following it any more.");
    this.#abandoned = setTimeout(stop, ABANDONED).unref();
  }

  /** Ends the run, and settles when none of its processes is left. Does nothing if it has ended already. */
  async stop(reason: string): Promise<void> {
    if (this.ended) return;
    this.#stop.abort(new Stopped(reason));
    if (this.waiting) this.emit({ type: "ended", end: { how: "stopped", reason } });
    while (!this.ended) await once(this.#emitter, "event");
  }

  /** Plays the programs, and settles when none of their processes is left. An error becomes the end of the run. */
  async play(): Promise<void> {
    if (this.ended) return;
    this.#playing = true;
    const tooLong = new Error(
      `The run took longer than ${RUN_LIMIT / 1000} seconds and was ended.`,
    );
    const limit = setTimeout(() => this.#stop.abort(tooLong), RUN_LIMIT);
    let end: RunEnd;
    try {
      end = await this.#playPrograms();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      end = { how: error instanceof Stopped ? "stopped" : "failed", reason };
    }
    clearTimeout(limit);
    this.emit({ type: "ended", end });
  }

  async #playPrograms(): Promise<RunEnd> {
    const { signal } = this.#stop;
    const { programs, edited = {} } = this.#request;
    const issues = await findSyntaxErrors(edited, signal);
    if (issues.length > 0) return { how: "invalid", issues };

    const { versions, problems, skipped, differences } = await playScenario(this.#scenario, {
      programs: programs.map((name) => findProgram(this.#scenario, name)),
      edited,
      signal,
      limits: LIMITS,
      begin: (program) => {
        const calls = program.steps.reduce((sum, step) => sum + countEvents(step), 0);
        const hangs = hangsWhileStarting(program);
        this.emit({
          type: "starting",
          program: program.program,
          calls,
          ...(hangs !== undefined && { hangsUntil: Date.now() + 1000 * hangs }),
        });
      },
      report: ({ program }, progress) => this.emit({ type: "progress", program, progress }),
    });
    return {
      how: "played",
      versions,
      edited: Object.keys(edited),
      unexpected: problems,
      skipped,
      differences,
    };
  }
}

/** The number of answers or outcomes of a step, which the page counts. */
function countEvents(step: Step): number {
  return step.do === "request" ? step.calls : 1;
}
