/** The data that the build hands to the components of a page. */
import type { Twin } from "./programs.ts";
import type { ProgramResult } from "./record.ts";
import type { Versions } from "./run.ts";

/** A block of code. */
export interface Code {
  /** Highlighted; its text content is the code itself. */
  html: string;
  /** The heading of a block that comes from no file, such as `Shell`. */
  language: string;
  /** Below the repository's folder, such as `examples/worker-pool/plugin.py`; undefined if the page has the code. */
  file?: string;
  /** The region, if only that is shown. */
  region?: string;
  /** The whole file without the marks of regions, if only a region is shown. */
  whole?: string;
}

/** A program of a hazard, with its code. */
export interface HazardProgram {
  twin: Twin;
  code: Code[];
  /** Its recorded result; undefined if the language has no such program. */
  result?: ProgramResult;
  /** The reason why the language has none. */
  impossible?: string;
}

/** The date of a record, and the versions that it was made with. */
export interface RecordOrigin {
  /** ISO 8601, UTC. */
  at: string;
  versions: Versions;
}

/** A row of the table of programs that are broken on purpose. */
export interface MutationRow {
  /** The broken part, in words. */
  what: string;
  /** The program, below `examples/`. */
  program: string;
  /** The check that notices it. */
  caughtBy: string;
  /** A part of the reported sentence. */
  report: string;
}

/** A package whose code is distributed, with its license. */
export interface Licensed {
  name: string;
  version: string;
  /** The SPDX identifier, such as `MIT`. */
  license: string;
  /** The text of the license, with the holder's name. */
  text: string;
}
