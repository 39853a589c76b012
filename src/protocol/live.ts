/** The messages between a page and its server about live runs. */
import type { Progress, Versions } from "./run.ts";

/** The name of the page's `<meta>` element with the secret; only a page that was served with it can run programs. */
export const SECRET_META = "orthanc-twins-live";
/** The header in which the page sends the secret back. */
export const SECRET_HEADER = "x-orthanc-twins-live";

/** A page's request to run programs of a scenario. */
export interface RunRequest {
  /** The scenario's id. */
  scenario: string;
  /** The names of the programs, which are played one after the other. */
  programs: string[];
  /** The number of calls at once, if the scenario makes more than one: 1 to 8. */
  calls?: number;
  /** Files that the reader has changed: name to text. */
  edited?: Record<string, string>;
}

/** The initial content of an editor and of the choice of calls. */
export interface ScenarioFiles {
  /** The programs' own files: the program's name to file name to text. */
  files: Record<string, Record<string, string>>;
  /** The scenario's number of calls at once; undefined if it makes each call alone. */
  calls?: number;
}

/** The maximum number of syntax errors that are reported. */
export const MAX_SYNTAX_ISSUES = 100;

/** A syntax error in an edited file. */
export interface SyntaxIssue {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  message: string;
}

/** The events of a run, in this order. */
export type RunEvent =
  /** Other runs come first: how many waiting runs start before this one. */
  | { type: "waiting"; ahead: number }
  | {
      type: "starting";
      program: string;
      /** The number of steps and calls of this program. */
      calls: number;
      /** Orthanc is expected to hang while it starts, and is ended at this time: milliseconds since 1970. */
      hangsUntil?: number;
    }
  | { type: "progress"; program: string; progress: Progress }
  | { type: "ended"; end: RunEnd };

/** The end of a run. */
export type RunEnd =
  | {
      how: "played";
      /** Undefined if Orthanc has not started. */
      versions?: Versions;
      /** The names of the files that the reader had changed. */
      edited: string[];
      /** The deviations from what the scenario expects. */
      unexpected: string[];
      /** The checks that the machine can't do, with the reason. */
      skipped: string[];
      /** The differences between the twins' answers; undefined if the programs are not twins or only one ran. */
      differences?: string[];
    }
  | { how: "stopped"; reason: string }
  | { how: "failed"; reason: string }
  | { how: "invalid"; issues: SyntaxIssue[] };
