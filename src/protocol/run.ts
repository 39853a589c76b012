/** One run of one program of a scenario. */
import type { ProgramName } from "./programs.ts";

/** The parts of an answer that are compared. */
export interface Answer {
  status: number;
  /** Without parameters such as a charset; empty if the answer has none. */
  contentType: string;
  /** The other headers, except those about the connection, the length of the body and the time. */
  headers?: Record<string, string>;
  body: string;
  /** The answer contained a password or a token, which were removed from the body and the headers. */
  secret?: true;
}

/** One answered call. Times are in milliseconds since the first call of its step was sent. */
export interface Call extends Answer {
  startedAt: number;
  endedAt: number;
  /** The duration of the work itself in milliseconds, if the answer contains it. */
  workTime?: number;
}

/** The outcome of Orthanc's start. Times are in seconds. */
export type StartOutcome =
  | { type: "answers" }
  | { type: "fails" }
  /** It has not answered within this time. */
  | { type: "hangs"; seconds: number };

/** The outcome of a step that is not an answer. Times are in seconds. */
export type Outcome =
  | { type: "no answer"; seconds: number }
  | { type: "disconnected" }
  /** The request was not answered, but ended Orthanc, such as with `SIGSEGV`. */
  | { type: "crashed"; how: string }
  | { type: "signalled"; processes: number }
  | { type: "ended" }
  | { type: "running"; seconds: number }
  | { type: "restarted" }
  /** Orthanc did not start again; the expected line of its log, if it is there. */
  | { type: "not restarted"; log?: string };

/** The action of a step. */
export interface StepAction {
  name: string;
  /** With ids filled in, such as `GET /computation` or `SIGKILL to the workers`. */
  action: string;
  /** The body that was sent, as text; undefined if there was none, or if it was a file. */
  body?: string;
  /** The step that makes one such call alone. */
  baseline?: string;
  /** The name of the credentials, if they are not those of Orthanc's user. */
  credential?: string;
}

/** A step that was played: it has answers, or another outcome. */
export interface StepRun extends StepAction {
  calls: Call[];
  outcome?: Outcome;
  /** The time from the start of the step to the outcome, in milliseconds. */
  milliseconds?: number;
}

/** All steps of a scenario, played on one program. */
export interface ProgramRun extends ProgramName {
  start: StartOutcome;
  steps: StepRun[];
  /** The expected lines that were found in the log. */
  log: string[];
  /** The reason why this machine can't play the steps. */
  skipped?: string;
}

/** The versions of the software that ran. */
export interface Versions {
  orthanc: string;
  /** Orthanc's Python plugin. */
  plugin: string;
  /** The interpreter inside Orthanc. */
  python: string;
  node: string;
}

/** The progress of a program's run. */
export type Progress =
  | { type: "start"; start: StartOutcome /** Since Orthanc was started. */; milliseconds: number }
  | {
      type: "step";
      /** The step's index, from 0. Steps may overlap. */
      index: number;
      step: StepAction;
      /** The number of calls that are sent at once; 0 if the step sends none. */
      count: number;
      /** The program is expected to hang in this step, which is over at this time: milliseconds since 1970. */
      hangsUntil?: number;
    }
  | { type: "call"; index: number; call: Call }
  | { type: "outcome"; index: number; outcome: Outcome; milliseconds: number }
  | {
      type: "log" /** The output of Orthanc and its plugin since the previous event. */;
      text: string;
    }
  | {
      /** All steps are over, or there are none because Orthanc has not started. */
      type: "end";
      /** The expected lines that were found in the log. */
      log: string[];
    };
