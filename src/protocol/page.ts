/** The data that the build hands to the components of a page. */
import type { Benchmark } from "./benchmark.ts";
import type { Language } from "./programs.ts";
import type { RecordedScenario, RecordOrigin } from "./record.ts";
import type { ProgramRun } from "./run.ts";

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

/** The changes of the fix in a file of a hazard's failing program. */
export interface FileChanges {
  /** Without its folder, such as `plugin.py`. */
  file: string;
  /** Highlighted: `del` elements contain lines that are gone, `ins` elements new ones. */
  html: string;
  /** The number of new lines. */
  added: number;
  /** The number of lines that are gone. */
  removed: number;
}

/** A program of a hazard, with its code. */
export interface HazardProgram {
  language: Language;
  code: Code[];
  /** The changes of a fixed program, if its language has a failing one. */
  changes?: FileChanges[];
  /** Its recorded run; undefined if the language has no such program. */
  run?: ProgramRun;
  /** The reason why the language has none. */
  impossible?: string;
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

/** The properties of each component of a page. */
export interface PageElements {
  /** The code of both twins; with `scenario`, a link to its run. */
  Twins: { python: Code[]; typescript: Code[]; scenario?: string };
  CodeBlock: { code: Code };
  /** The run of both twins of an example. */
  RecordedRun: { record: RecordedScenario };
  /** The failing or the fixed programs of a hazard. */
  Hazard: { scenario: string; programs: HazardProgram[]; origin: RecordOrigin };
  AccessTable: { record: RecordedScenario };
  Benchmark: { benchmark: Benchmark };
  Mutations: { rows: MutationRow[] };
  Licenses: { packages: Licensed[] };
  /** A drawn diagram, with its description. */
  Diagram: { svg: string; words: string };
}
