/**
 * The hazards and their `hazard.json`: programs that fail as declared, and the same programs mended. A hazard's
 * folder has two folders, `failing` and `mended`, each with the Python and the TypeScript program.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { EXAMPLES, ExampleError, parse, TWINS, type Twin } from "./example.ts";

const HAZARDS = path.join(EXAMPLES, "hazards");

/** The two states of a hazard's programs. */
export const KINDS = ["failing", "mended"] as const;
export type Kind = (typeof KINDS)[number];

/** When a step begins: by itself after the step before, or along with it. */
const When = {
  name: z.string().min(1),
  /** Whether it begins without waiting for the end of the step before. */
  together: z.boolean().default(false),
  /** Seconds to wait before it begins. */
  after: z.number().min(0).max(30).default(0),
};

const RequestStep = z.strictObject({
  ...When,
  do: z.literal("request"),
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).default("GET"),
  path: z.string().startsWith("/"),
  /** A JSON body to send. */
  body: z.json().optional(),
  /** A body to send as it is. */
  text: z.string().optional(),
  /** A test file of pydicom to send as the body. */
  file: z.string().optional(),
  expect: z.union([
    z.strictObject({
      status: z.int().min(100).max(599),
      /** A regular expression that the body must match. */
      body: z.string().optional(),
    }),
    /** No answer within this many seconds; the request is given up then. */
    z.strictObject({ noAnswer: z.number().positive().max(30) }),
    /** No answer either, but the end of Orthanc within this many seconds. */
    z.strictObject({ endsOrthanc: z.number().positive().max(30) }),
  ]),
});

const SignalStep = z.strictObject({
  ...When,
  do: z.literal("signal"),
  signal: z.enum(["SIGINT", "SIGTERM", "SIGKILL"]),
  /** `all`: Orthanc's process group, as Ctrl-C in a terminal does; `workers`: descendants without children. */
  to: z.enum(["Orthanc", "all", "workers"]),
  /** Whether Orthanc ends, or still runs, within or after so many seconds. */
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
  /** What Orthanc (or the bridge, for TypeScript) loads; the default is `plugin.py` or `plugin.ts`. */
  script: z.string().optional(),
  /** The routes that the bridge gives to it, where they are not those of the hazard. */
  routes: z.array(z.string().startsWith("/")).min(1).optional(),
  /** What becomes of Orthanc's start. */
  start: z
    .union([
      z.literal("answers"),
      /** It ends, and its log matches this regular expression. */
      z.strictObject({ fails: z.string().min(1) }),
      /** It has not answered after so many seconds. */
      z.strictObject({ hangs: z.number().positive().max(25) }),
    ])
    .default("answers"),
  steps: z.array(Step).default([]),
  /** Regular expressions that the log must match in the end. */
  log: z.array(z.string().min(1)).default([]),
  /** Those that it must not match. */
  notInLog: z.array(z.string().min(1)).default([]),
});

/** Why a language has no such program. */
const Impossible = z.strictObject({ impossible: z.string().min(20) });

const HazardFile = z.strictObject({
  title: z.string().min(1),
  /** What goes wrong, in one sentence. */
  summary: z.string().min(1),
  /** The page that tells of it. */
  page: z.string().startsWith("/"),
  /** The routes that the bridge gives to the TypeScript programs. */
  routes: z.array(z.string().startsWith("/")).min(1),
  /** Settings that are added to Orthanc's configuration. */
  configuration: z.record(z.string(), z.json()).default({}),
  failing: z.strictObject({ python: Program, typescript: z.union([Impossible, Program]) }),
  mended: z.strictObject({ python: Program, typescript: Program }),
});

export type HazardStep = z.infer<typeof Step>;
export type Program = z.infer<typeof Program>;
export type Hazard = z.infer<typeof HazardFile> & { id: string; folder: string };

/** The ids of all hazards, sorted: `hazards/` and the name of a folder. */
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
 * @throws ExampleError where there is none (it names those there are), or where its file is not valid
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

/** Whether an id is a hazard's. */
export const isHazard = (id: string): boolean => id.startsWith("hazards/");

/** A hazard's program; undefined where a language can't have it, as the hazard says. */
export function programOf(hazard: Hazard, kind: Kind, twin: Twin): Program | undefined {
  const program = hazard[kind][twin];
  return "impossible" in program ? undefined : program;
}

/** The programs that a hazard has. */
export function programsOf(hazard: Hazard): [Kind, Twin][] {
  const all = KINDS.flatMap((kind) => TWINS.map((twin): [Kind, Twin] => [kind, twin]));
  return all.filter(([kind, twin]) => programOf(hazard, kind, twin));
}
