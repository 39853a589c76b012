/** What a live run looks like so far, made from what has been told of it. */
import type { Twin } from "../harness/example.ts";
import type { TwinRun } from "../harness/run.ts";
import { type Mistake, MOST_MISTAKES, type RunEnd, type RunEvent } from "../live/events.ts";

export interface LiveState {
  /** What it is doing, or why it is not known any more, in a sentence. */
  status: string;
  /** Whether it is not over yet, as far as is known. */
  running: boolean;
  /** Whether the server does not answer just now. */
  lost: boolean;
  /** How many calls were answered, of how many. */
  answered: number;
  calls: number;
  twins: Partial<Record<Twin, TwinRun>>;
  log: Partial<Record<Twin, string>>;
  end?: RunEnd;
}

export const NOTHING: LiveState = {
  status: "",
  running: false,
  lost: false,
  answered: 0,
  calls: 0,
  twins: {},
  log: {},
};

const NAMES: Record<Twin, string> = { python: "Python", typescript: "TypeScript" };

/** The state after one more event. */
export function after(state: LiveState, event: RunEvent): LiveState {
  switch (event.type) {
    case "waiting":
      return {
        ...state,
        status: `Two runs go on already. Waiting; ${event.ahead} wait before this one.`,
      };
    case "starting":
      return {
        ...state,
        status: `${NAMES[event.twin]}: Orthanc starts.`,
        calls: state.calls + event.calls,
        twins: { ...state.twins, [event.twin]: { twin: event.twin, steps: [] } },
      };
    case "ended":
      return { ...state, status: statusOf(event.end), running: false, end: event.end };
  }
  const { twin, progress } = event;
  const run = state.twins[twin] ?? { twin, steps: [] };
  const withSteps = (steps: TwinRun["steps"]) => ({ ...state.twins, [twin]: { twin, steps } });
  switch (progress.type) {
    case "started":
      return {
        ...state,
        status: `${NAMES[twin]}: Orthanc answered after ${progress.milliseconds} ms.`,
      };
    case "step":
      return {
        ...state,
        status: `${NAMES[twin]}: “${progress.request.name}”, ${progress.count} sent.`,
        twins: withSteps([...run.steps, { ...progress.request, calls: [] }]),
      };
    case "call": {
      const last = run.steps.at(-1);
      if (!last) return state;
      const steps = [...run.steps.slice(0, -1), { ...last, calls: [...last.calls, progress.call] }];
      return { ...state, answered: state.answered + 1, twins: withSteps(steps) };
    }
    case "log":
      return { ...state, log: { ...state.log, [twin]: (state.log[twin] ?? "") + progress.text } };
  }
}

function countOf({ length }: Mistake[]): string {
  return length < MOST_MISTAKES ? String(length) : `${length} or more`;
}

function statusOf(end: RunEnd): string {
  switch (end.how) {
    case "stopped":
      return `Stopped. ${end.reason}`;
    case "failed":
      return `Failed. ${end.reason}`;
    case "mistaken":
      return end.mistakes.length === 1
        ? "Not run: there is a syntax error."
        : `Not run: there are ${countOf(end.mistakes)} syntax errors.`;
  }
  if (end.differences === undefined) return "Played.";
  return end.differences.length === 0 ? "Both twins agree." : "The twins differ.";
}
