/**
 * The hazards and their `hazard.json`: programs that fail in a known way, and their fixed versions. A hazard's folder
 * has two folders, `failing` and `fixed`, each with the Python and the TypeScript program.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { TWINS, type Twin, VARIANTS, type Variant } from "../protocol/programs.ts";
import { EXAMPLES, ExampleError, parse } from "./example.ts";

const HAZARDS = path.join(EXAMPLES, "hazards");

/** The start of a step: after the previous step, or together with it. */
const When = {
  name: z.string().min(1),
  /** The step starts without waiting for the end of the previous one. */
  together: z.boolean().default(false),
  /** Seconds to wait before it starts. */
  after: z.number().min(0).max(30).default(0),
};

const RequestStep = z.strictObject({
  ...When,
  do: z.literal("request"),
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).default("GET"),
  path: z.string().startsWith("/"),
  /** A JSON body to send. */
  body: z.json().optional(),
  /** A body to send verbatim. */
  text: z.string().optional(),
  /** The test file of pydicom to send as the body. */
  file: z.string().optional(),
  expect: z.union([
    z.strictObject({
      status: z.int().min(100).max(599),
      /** A regular expression that the body must match. */
      body: z.string().optional(),
    }),
    /** No answer within this many seconds, after which the request is aborted. */
    z.strictObject({ noAnswer: z.number().positive().max(30) }),
    /** No answer, but the end of Orthanc within this many seconds. */
    z.strictObject({ endsOrthanc: z.number().positive().max(30) }),
  ]),
});

const SignalStep = z.strictObject({
  ...When,
  do: z.literal("signal"),
  signal: z.enum(["SIGINT", "SIGTERM", "SIGKILL"]),
  /** `all`: Orthanc's process group, as Ctrl-C in a terminal does; `workers`: descendants without children. */
  to: z.enum(["Orthanc", "all", "workers"]),
  /** Orthanc ends within so many seconds, or is still running after so many seconds. */
  expect: z
    .union([
      z.strictObject({ ends: z.number().positive().max(30) }),
      z.strictObject({ runs: z.number().positive().max(30) }),
    ])
    .optional(),
});

const CrashStep = z.strictObject({
  ...When,
  do: z.literal("crash and start again"),
  expect: z.union([
    z.strictObject({ starts: z.literal(true) }),
    /** A regular expression that Orthanc's log must match. */
    z.strictObject({ fails: z.string().min(1) }),
  ]),
});

const Step = z.discriminatedUnion("do", [RequestStep, SignalStep, CrashStep]);

const Program = z.strictObject({
  /** The file that Orthanc (or the bridge, for TypeScript) loads; the default is `plugin.py` or `plugin.ts`. */
  script: z.string().optional(),
  /** The routes that the bridge forwards to it, if they are not those of the hazard. */
  routes: z.array(z.string().startsWith("/")).min(1).optional(),
  /** The outcome of Orthanc's start. */
  start: z
    .union([
      z.literal("answers"),
      /** Orthanc ends, and its log matches this regular expression. */
      z.strictObject({ fails: z.string().min(1) }),
      /** Orthanc has not answered after so many seconds. */
      z.strictObject({ hangs: z.number().positive().max(25) }),
    ])
    .default("answers"),
  steps: z.array(Step).default([]),
  /** Regular expressions that the log must match after the last step. */
  log: z.array(z.string().min(1)).default([]),
  /** Regular expressions that the log must not match. */
  notInLog: z.array(z.string().min(1)).default([]),
});

/** The reason why a language has no such program. */
const Impossible = z.strictObject({ impossible: z.string().min(20) });

const HazardFile = z.strictObject({
  /** The failure, in one sentence. */
  summary: z.string().min(1),
  /** The page that explains it. */
  page: z.string().startsWith("/"),
  /** The routes that the bridge forwards to the TypeScript programs. */
  routes: z.array(z.string().startsWith("/")).min(1),
  /** Settings that are added to Orthanc's configuration. */
  configuration: z.record(z.string(), z.json()).default({}),
  failing: z.strictObject({ python: Program, typescript: z.union([Impossible, Program]) }),
  fixed: z.strictObject({ python: Program, typescript: Program }),
});

export type HazardStep = z.infer<typeof Step>;
export type Program = z.infer<typeof Program>;
export type Hazard = z.infer<typeof HazardFile> & { id: string; folder: string };

/** Lists the ids of all hazards, sorted: `hazards/` and the name of a folder. */
export async function hazardIds(): Promise<string[]> {
  const entries = await readdir(HAZARDS, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => `hazards/${entry.name}`)
    .sort();
}

/**
 * Reads one hazard.
 * @param id such as `hazards/killed-worker`
 * @throws ExampleError if there is no such hazard (it lists all hazards), or if its file is invalid
 */
export async function readHazard(id: string): Promise<Hazard> {
  const ids = await hazardIds();
  if (!ids.includes(id)) {
    throw new ExampleError(`There is no hazard "${id}". The hazards are: ${ids.join(", ")}.`);
  }
  const folder = path.join(EXAMPLES, id);
  const text = await readFile(path.join(folder, "hazard.json"), "utf8");
  return { id, folder, ...parse(HazardFile, text, `examples/${id}/hazard.json`) };
}

/** Tests if an id is that of a hazard. */
export const isHazard = (id: string): boolean => id.startsWith("hazards/");

/** Returns a program of a hazard; undefined if it is impossible in that language, as the hazard explains. */
export function findProgram(hazard: Hazard, variant: Variant, twin: Twin): Program | undefined {
  const program = hazard[variant][twin];
  return "impossible" in program ? undefined : program;
}

/** Lists the programs of a hazard. */
export function listPrograms(hazard: Hazard): [Variant, Twin][] {
  const all = VARIANTS.flatMap((variant) => TWINS.map((twin): [Variant, Twin] => [variant, twin]));
  return all.filter(([variant, twin]) => findProgram(hazard, variant, twin));
}
