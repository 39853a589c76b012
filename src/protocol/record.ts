/** The records under `static/runs/`. */
import type { ProgramRun, Versions } from "./run.ts";

/** The date of a record, and what it was made with. */
export interface RecordOrigin {
  /** The Debian release of the Orthanc, such as `bookworm`. */
  release: string;
  versions: Versions;
  /** ISO 8601, UTC. */
  recordedAt: string;
}

/** The runs of all programs of a scenario. */
export interface RecordedScenario extends RecordOrigin {
  scenario: string;
  runs: ProgramRun[];
  /** SHA-256 over the files that were played, and those that are copied along: a record with another hash is out of date. */
  sources: string;
}
