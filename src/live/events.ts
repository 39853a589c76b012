/** What the page and the server say to each other about live runs. */
import type { Twin } from "../harness/example.ts";
import type { Progress, Versions } from "../harness/run.ts";

/** The page's `<meta>` that has the secret; only a page that was served with it can run examples. */
export const SECRET_META = "orthanc-twins-live";
/** The header that carries the secret back. */
export const SECRET_HEADER = "x-orthanc-twins-live";

/** What a page asks to run. */
export interface RunRequest {
  /** The example's id. */
  example: string;
  /** Played one after the other. */
  twins: Twin[];
  /** How many calls are made at once, where the example makes more than one: 1 to 8. */
  calls?: number;
  /** Files that the reader has changed: name to text. */
  edited?: Record<string, string>;
}

/** What an editor and the choice of calls start with. */
export interface ExampleFiles {
  /** The twins' own files: name to text. */
  files: Record<Twin, Record<string, string>>;
  /** How many calls the example makes at once; undefined where it makes all of them alone. */
  calls?: number;
}

/** How many syntax errors are told at most. */
export const MOST_MISTAKES = 100;

/** A syntax error in an edited file. */
export interface Mistake {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  message: string;
}

/** What is told of a run, in this order. */
export type RunEvent =
  /** Others run first: how many of those that wait as well begin before this one. */
  | { type: "waiting"; ahead: number }
  | { type: "starting"; twin: Twin /** How many calls will be made in all. */; calls: number }
  | { type: "progress"; twin: Twin; progress: Progress }
  | { type: "ended"; end: RunEnd };

/** How a run has ended. */
export type RunEnd =
  | {
      how: "played";
      versions: Versions;
      /** The files that ran as the reader has changed them. */
      edited: string[];
      /** What is not as the example expects. */
      unexpected: string[];
      /** Where the twins' answers differ; undefined where only one of them ran. */
      differences?: string[];
    }
  | { how: "stopped"; reason: string }
  | { how: "failed"; reason: string }
  | { how: "mistaken"; mistakes: Mistake[] };
