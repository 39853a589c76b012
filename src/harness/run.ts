/** What one run of an example is made of: the shape of a recorded run under `static/runs/`, too. */
import type { Twin } from "./example.ts";

/** One answer. Times are milliseconds since the first call of its step was sent. */
export interface Call {
  startedAt: number;
  endedAt: number;
  status: number;
  /** Without parameters such as a charset; empty where the answer has none. */
  contentType: string;
  body: string;
}

/** One step of an example: the request and the answers to each of its calls. */
export interface StepRun {
  name: string;
  method: string;
  /** With ids filled in. */
  path: string;
  /** The JSON body that was sent, as text. */
  body?: string;
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
