/** The records under `static/runs/`. */
import type { Twin, Variant } from "./programs.ts";
import type { TwinRun, Versions } from "./run.ts";

/** The members that all records have in common. */
interface Recorded {
  /** The Debian release of the Orthanc, such as `bookworm`. */
  release: string;
  versions: Versions;
  /** ISO 8601, UTC. */
  recordedAt: string;
  /** SHA-256 over the files that were played, the bridge and the pool: a record with another hash is out of date. */
  sources: string;
}

/** The runs of both twins of an example. */
export interface RecordedRun extends Recorded {
  example: string;
  twins: Record<Twin, TwinRun>;
}

/** The result of one step of a hazard's program. */
export interface HazardStepResult {
  name: string;
  /** The action, such as `GET /computation`. */
  done: string;
  /** The observed outcome, in words. */
  seen: string;
  /** Since the step began. */
  milliseconds: number;
}

/** The result of one program of a hazard. */
export interface ProgramResult {
  kind: Variant;
  twin: Twin;
  /** The outcome of Orthanc's start, in words. */
  start: string;
  steps: HazardStepResult[];
  /** The expected lines that were found in the log. */
  log: string[];
}

/** The results of all programs of a hazard. */
export interface RecordedHazard extends Recorded {
  hazard: string;
  programs: ProgramResult[];
}

/** The rows of one Orthanc in the access table. */
export interface ServerResult {
  title: string;
  /** A status for each route; none if this machine could not send the requests. */
  rows: { sent: string; statuses: number[] }[];
}

/** The access table. It contains names and statuses, and no credentials. */
export interface RecordedAccessTable extends Recorded {
  access: string;
  title: string;
  routes: { title: string; method: string; path: string }[];
  servers: ServerResult[];
}
