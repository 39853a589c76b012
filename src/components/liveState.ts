/** The state of a live run, made from its events. */

import { LANGUAGE_NAMES } from "../format/languages.ts";
import {
  MAX_SYNTAX_ISSUES,
  type RunEnd,
  type RunEvent,
  type SyntaxIssue,
} from "../protocol/live.ts";
import type { Twin } from "../protocol/programs.ts";
import type { TwinRun } from "../protocol/run.ts";

export interface LiveState {
  /** The current activity, or the reason why it is unknown, in a sentence. */
  status: string;
  /** The run is not known to have ended. */
  running: boolean;
  /** The connection to the server is lost. */
  lost: boolean;
  /** The number of answered calls, and of all calls. */
  answered: number;
  calls: number;
  twins: Partial<Record<Twin, TwinRun>>;
  log: Partial<Record<Twin, string>>;
  end?: RunEnd;
}

export const initialState: LiveState = {
  status: "",
  running: false,
  lost: false,
  answered: 0,
  calls: 0,
  twins: {},
  log: {},
};

/** Returns the state after one more event. */
export function applyEvent(state: LiveState, event: RunEvent): LiveState {
  switch (event.type) {
    case "waiting":
      return {
        ...state,
        status: `Two runs are running already. ${event.ahead} of those that wait come before this one.`,
      };
    case "starting":
      return {
        ...state,
        status: `${LANGUAGE_NAMES[event.twin]}: Orthanc is starting.`,
        calls: state.calls + event.calls,
        twins: { ...state.twins, [event.twin]: { twin: event.twin, steps: [] } },
      };
    case "ended":
      return { ...state, status: describeEnd(event.end), running: false, end: event.end };
  }
  const { twin, progress } = event;
  const run = state.twins[twin] ?? { twin, steps: [] };
  const withSteps = (steps: TwinRun["steps"]) => ({ ...state.twins, [twin]: { twin, steps } });
  switch (progress.type) {
    case "started":
      return {
        ...state,
        status: `${LANGUAGE_NAMES[twin]}: Orthanc answered after ${progress.milliseconds} ms.`,
      };
    case "step":
      return {
        ...state,
        status: `${LANGUAGE_NAMES[twin]}: “${progress.request.name}”, ${progress.count} sent.`,
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

function describeCount({ length }: SyntaxIssue[]): string {
  return length < MAX_SYNTAX_ISSUES ? String(length) : `${length} or more`;
}

function describeEnd(end: RunEnd): string {
  switch (end.how) {
    case "stopped":
      return `Stopped. ${end.reason}`;
    case "failed":
      return `Failed. ${end.reason}`;
    case "invalid":
      return end.issues.length === 1
        ? "Not run: there is a syntax error."
        : `Not run: there are ${describeCount(end.issues)} syntax errors.`;
  }
  if (end.differences === undefined) return "Played.";
  return end.differences.length === 0 ? "Both twins agree." : "The twins differ.";
}
