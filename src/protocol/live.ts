/** The messages between a page and its server about live runs. */
import type { Twin } from "./programs.ts";
import type { Progress, Versions } from "./run.ts";

/** The name of the page's `<meta>` element with the secret; only a page that was served with it can run examples. */
export const SECRET_META = "orthanc-twins-live";
/** The header in which the page sends the secret back. */
export const SECRET_HEADER = "x-orthanc-twins-live";

/** A page's request to run an example. */
export interface RunRequest {
  /** The example's id. */
  example: string;
  /** Played one after the other. */
  twins: Twin[];
  /** The number of calls at once, if the example makes more than one: 1 to 8. */
  calls?: number;
  /** Files that the reader has changed: name to text. */
  edited?: Record<string, string>;
}

/** The initial content of an editor and of the choice of calls. */
export interface ExampleFiles {
  /** The twins' own files: name to text. */
  files: Record<Twin, Record<string, string>>;
  /** The example's number of calls at once; undefined if it makes each call alone. */
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
  | { type: "starting"; twin: Twin /** The number of calls of the whole run. */; calls: number }
  | { type: "progress"; twin: Twin; progress: Progress }
  | { type: "ended"; end: RunEnd };

/** The end of a run. */
export type RunEnd =
  | {
      how: "played";
      versions: Versions;
      /** The names of the files that the reader had changed. */
      edited: string[];
      /** The deviations from what the example expects. */
      unexpected: string[];
      /** The differences between the twins' answers; undefined if only one twin ran. */
      differences?: string[];
    }
  | { how: "stopped"; reason: string }
  | { how: "failed"; reason: string }
  | { how: "invalid"; issues: SyntaxIssue[] };
