/** The state of a live run, made from its events. */

import { LANGUAGE_NAMES } from "../format/languages.ts";
import { describeStart } from "../format/outcomes.ts";
import {
  MAX_SYNTAX_ISSUES,
  type RunEnd,
  type RunEvent,
  type SyntaxIssue,
} from "../protocol/live.ts";
import type { ProgramName } from "../protocol/programs.ts";
import type { ProgramRun, Progress, StepRun } from "../protocol/run.ts";

export interface LiveState {
  /** The current activity, or the reason why it is unknown, in a sentence. */
  status: string;
  /** The run is not known to have ended. */
  running: boolean;
  /** The connection to the server is lost. */
  lost: boolean;
  /** The number of answered calls and observed outcomes, and of all of them. */
  answered: number;
  calls: number;
  /** The programs that have started, in this order. */
  runs: ProgramRun[];
  /** By program. */
  log: Record<string, string>;
  /** The program is expected to hang, and is ended at this time: milliseconds since 1970. */
  hangsUntil?: number;
  /** The index of the step in which it is expected to hang. */
  hangingStep?: number;
  end?: RunEnd;
}

export const initialState: LiveState = {
  status: "",
  running: false,
  lost: false,
  answered: 0,
  calls: 0,
  runs: [],
  log: {},
};

/**
 * Returns the state after one more event.
 * @param programs the programs of the scenario
 */
export function applyEvent(programs: ProgramName[], state: LiveState, event: RunEvent): LiveState {
  switch (event.type) {
    case "waiting":
      return {
        ...state,
        status: `Two runs are running already. ${event.ahead} of those that wait come before this one.`,
      };
    case "starting": {
      const name = programs.find(({ program }) => program === event.program);
      if (!name) return state;
      const { program, language, variant } = name;
      const run: ProgramRun = {
        program,
        language,
        variant,
        start: { type: "answers" },
        steps: [],
        log: [],
      };
      return {
        ...state,
        status: withProgram(name, "Orthanc is starting."),
        calls: state.calls + event.calls,
        runs: [...state.runs, run],
        hangsUntil: event.hangsUntil,
      };
    }
    case "progress": {
      const run = state.runs.find(({ program }) => program === event.program);
      return run ? applyProgress(state, run, event.progress) : state;
    }
    case "ended":
      return {
        ...state,
        status: describeEnd(event.end),
        running: false,
        hangsUntil: undefined,
        end: event.end,
      };
  }
}

function applyProgress(state: LiveState, run: ProgramRun, progress: Progress): LiveState {
  const withRun = (changed: Partial<ProgramRun>) =>
    state.runs.map((one) => (one === run ? { ...run, ...changed } : one));
  const withStep = (index: number, change: (step: StepRun) => StepRun) =>
    withRun({ steps: run.steps.map((step, place) => (place === index ? change(step) : step)) });
  switch (progress.type) {
    case "start": {
      const { start, milliseconds } = progress;
      const sentence =
        start.type === "answers"
          ? `Orthanc answered after ${milliseconds} ms.`
          : describeStart(start);
      return {
        ...state,
        status: withProgram(run, sentence),
        runs: withRun({ start }),
        hangsUntil: undefined,
      };
    }
    case "step": {
      const { index, step, count, hangsUntil } = progress;
      const steps = [...run.steps];
      // Of steps that overlap, a later one may begin first.
      while (steps.length < index) steps.push({ name: "…", action: "…", calls: [] });
      steps[index] = { ...step, calls: [] };
      const longest = (hangsUntil ?? 0) > (state.hangsUntil ?? 0);
      const sent = count > 0 ? `, ${count} sent` : "";
      return {
        ...state,
        status: withProgram(run, `“${step.name}”${sent}.`),
        runs: withRun({ steps }),
        // Of steps that overlap, the one that hangs longest is shown.
        ...(longest && { hangsUntil, hangingStep: index }),
      };
    }
    case "call":
      return {
        ...state,
        ...withoutHang(state, progress.index),
        answered: state.answered + 1,
        runs: withStep(progress.index, (step) => ({
          ...step,
          calls: [...step.calls, progress.call],
        })),
      };
    case "outcome": {
      const { index, outcome, milliseconds } = progress;
      return {
        ...state,
        ...withoutHang(state, index),
        answered: state.answered + 1,
        runs: withStep(index, (step) => ({ ...step, outcome, milliseconds })),
      };
    }
    case "log": {
      const log = (state.log[run.program] ?? "") + progress.text;
      return { ...state, log: { ...state.log, [run.program]: log } };
    }
    case "end":
      return { ...state, runs: withRun({ log: progress.log }) };
  }
}

/** Ends the countdown of a step that is over. */
function withoutHang({ hangingStep }: LiveState, step: number): Partial<LiveState> {
  return hangingStep === step ? { hangsUntil: undefined, hangingStep: undefined } : {};
}

/** Names a program for readers: `Python`, `failing Python`. */
export function describeProgram({ language, variant }: ProgramName): string {
  const name = LANGUAGE_NAMES[language];
  return variant ? `${variant} ${name}` : name;
}

/** Begins a sentence about a program. */
function withProgram(name: ProgramName, sentence: string): string {
  const text = `${describeProgram(name)}: ${sentence}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
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
  const { differences, unexpected } = end;
  if (differences?.length === 0) return "Both twins agree.";
  if (differences) return "The twins differ.";
  return unexpected.length === 0 ? "Played, as expected." : "Played, but not as expected.";
}
