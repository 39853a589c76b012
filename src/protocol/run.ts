/** One run of an example. */
import type { Twin } from "./programs.ts";

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

/** One call. Times are in milliseconds since the first call of its step was sent. */
export interface Call extends Answer {
  startedAt: number;
  endedAt: number;
  /** The duration of the work itself in milliseconds, if the answer contains it. */
  worked?: number;
}

/** The request of one step. */
export interface Request {
  name: string;
  method: string;
  /** With ids filled in. */
  path: string;
  /** The JSON body that was sent, as text. */
  body?: string;
  /** The step that makes one such call alone. */
  comparedWith?: string;
}

/** One step of an example: the request and the answers to each of its calls. */
export interface StepRun extends Request {
  calls: Call[];
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

/** All steps of an example, played on one twin. */
export interface TwinRun {
  twin: Twin;
  steps: StepRun[];
}

/** The progress of a twin's run. */
export type Progress =
  | { type: "started" /** Since the start of its Orthanc. */; milliseconds: number }
  | { type: "step"; request: Request /** The number that is sent at once. */; count: number }
  | { type: "call"; call: Call }
  | {
      type: "log" /** The output of Orthanc and its plugin since the previous event. */;
      text: string;
    };
