/** The context that the steps of one run share. */
import type { Orthanc } from "../orthanc/server.ts";
import type { Call, Progress } from "../protocol/run.ts";

/** A program's run could not be completed: the message names the step, and the reason. */
export class PlayError extends Error {
  override name = "PlayError";
}

/** A started program, with what its steps need to know. */
export interface Stage {
  /** A regular expression for an answer's body; its group is the duration of the work itself, in seconds. */
  workTime?: string;
  orthanc: Orthanc;
  /** Orthanc's address as the requests use it, without a slash at the end. */
  url: string;
  /** Values for the names in paths. The values that steps capture are added here. */
  names: Map<string, string>;
  /** The passwords of Orthanc's additional users: name to password. */
  users: Record<string, string>;
  /** The tokens that the program had made before Orthanc was restarted. */
  earlierTokens: string[];
  /** Removed from answers. */
  secrets: string[];
  /** The time limit for a step, in milliseconds. */
  stepLimit: number;
  signal: AbortSignal;
}

/** Receives the answers of a step. */
export type ReportCall = (call: Call) => void;
/** Receives the progress of a run. */
export type ReportProgress = (progress: Progress) => void;
