/** What one run of an example is made of: the shape of a recorded run under `static/runs/`, too. */
import type { Twin } from "./example.ts";

/** What is compared of an answer. */
export interface Answer {
  status: number;
  /** Without parameters such as a charset; empty where the answer has none. */
  contentType: string;
  /** Its other headers, but for those about the connection, the body's length and the moment. */
  headers?: Record<string, string>;
  body: string;
  /** A password or a token was in it, which the body and the headers no longer have. */
  secret?: true;
}

/** One call. Times are milliseconds since the first call of its step was sent. */
export interface Call extends Answer {
  startedAt: number;
  endedAt: number;
  /** How long the work itself took, in milliseconds, where the answer says so. */
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

/** What ran. */
export interface Versions {
  orthanc: string;
  /** Of Orthanc's Python plugin. */
  plugin: string;
  /** Of the interpreter inside Orthanc. */
  python: string;
  node: string;
}

/** All steps of an example, played on one twin. */
export interface TwinRun {
  twin: Twin;
  steps: StepRun[];
}

/** What is seen of a twin when its run is over. */
export interface Ending {
  twin: Twin;
  /** How Orthanc has ended after it was told to stop. */
  how: string;
  /** Everything that was logged, without secrets. */
  log: string;
  /** A password or a token was in the log. */
  secretInLog: boolean;
  /** Who listened on another port than Orthanc's own two, before it was told to stop. */
  listeners: string[];
  /** What was still there when Orthanc had ended. */
  left: string[];
}

/** One variation of a step's request, and how it was answered. */
export interface VariedAnswer {
  step: string;
  /** Such as `with a query string`. */
  variation: string;
  /** The request's first line, cut short. */
  request: string;
  /** When nothing else was asked. */
  alone: Answer;
  /** When others were asked at the same time; undefined where it was not asked again. */
  amongOthers?: Answer;
}

/** All variations of an example's requests, as one twin has answered them. */
export interface VariedRun {
  twin: Twin;
  answers: VariedAnswer[];
}

/** What is told of a twin's run while it goes on. */
export type Progress =
  | { type: "started" /** Since its Orthanc was started. */; milliseconds: number }
  | { type: "step"; request: Request /** How many are sent at once. */; count: number }
  | { type: "call"; call: Call }
  | {
      type: "log" /** What Orthanc and its plugin have printed since the last one. */;
      text: string;
    };

/** Both twins' runs, as recorded. */
export interface RecordedRun {
  example: string;
  /** The Debian release of the Orthanc, such as `bookworm`. */
  release: string;
  versions: Versions;
  /** ISO 8601, UTC. */
  recordedAt: string;
  /** SHA-256 over the example's and the bridge's files: tells whether the record still belongs to them. */
  sources: string;
  twins: Record<Twin, TwinRun>;
}
