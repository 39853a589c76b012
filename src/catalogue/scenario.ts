/**
 * The form of a `scenario.json`: programs, the steps that are played on each, and the expected outcomes. Examples,
 * hazards and the access table are scenarios.
 *
 * - An example names no programs: it has two twins, `plugin.py` and `plugin.ts`, which must give the same answers.
 * - A hazard has failing and fixed programs, in folders of these names.
 * - A table sends the same requests, its columns, with several credentials, its rows.
 */
import * as z from "zod";
import { LANGUAGES, VARIANTS } from "../protocol/programs.ts";

/** The credentials of a request, if they are not those of Orthanc's user. */
export const CREDENTIALS = [
  "No header",
  "A wrong token",
  "A token",
  "A second token",
  "A token from before",
  "A token, after “bearer” in lower case",
  "User and password",
  "User and wrong password",
  "Another user and password",
] as const;
export type CredentialName = (typeof CREDENTIALS)[number];

const Seconds = z.number().positive().max(30);
/** A regular expression, without flags. */
const Pattern = z
  .string()
  .min(1)
  .superRefine((pattern, context) => {
    try {
      RegExp(pattern);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  });
const Status = z.int().min(100).max(599);
const Path = z.string().startsWith("/");
const Method = z.enum(["GET", "POST", "PUT", "DELETE", "PROPFIND"]);
const Headers = z.record(z.string(), z.string()).default({});

/** The start of a step: after the end of the previous step, or together with it. */
const Timing = {
  name: z.string().min(1),
  /** The step starts without waiting for the end of the previous one. */
  startWithPrevious: z.boolean().default(false),
  /** Seconds to wait before it starts. */
  after: z.number().min(0).max(30).default(0),
};

const RequestStep = z.strictObject({
  ...Timing,
  do: z.literal("request"),
  method: Method.default("GET"),
  /**
   * Path and query. `{instance:FILE}` stands for the Orthanc id of a file named in `instances`,
   * `{NAME}` for a value that an earlier step has captured under that name.
   */
  path: Path,
  headers: Headers,
  credential: z.enum(CREDENTIALS).optional(),
  /** A JSON body to send. */
  body: z.json().optional(),
  /** A body to send verbatim. */
  text: z.string().optional(),
  /** The test file of pydicom to send as the body. */
  file: z.string().optional(),
  /** The number of these requests that are sent at once. */
  calls: z.int().min(1).max(8).default(1),
  /** The request is repeated every 200 ms until the answer's JSON body has these members. */
  until: z.record(z.string(), z.json()).optional(),
  /** Members of the answer's JSON body that later paths refer to: name to member. */
  capture: z.record(z.string(), z.string()).optional(),
  /** Another step of the program, which makes one such call alone: the page draws both on one time axis. */
  baseline: z.string().optional(),
  /** Only the status is kept: the rest differs from run to run, or contains credentials. */
  statusOnly: z.boolean().default(false),
  expect: z
    .strictObject({
      status: Status.optional(),
      contentType: z.string().optional(),
      /** The whole body, as text, after the masks. */
      body: z.string().optional(),
      /** A regular expression that the body must match. */
      matches: Pattern.optional(),
      /**
       * The concurrency of the calls of this step, compared with the single call of the baseline:
       * `serial`: all of them take nearly as long as that many single calls;
       * `parallel`: they take much less time than that.
       */
      concurrency: z.enum(["serial", "parallel"]).optional(),
      /** No answer within this many seconds, after which the request is aborted. */
      noAnswer: Seconds.optional(),
      /**
       * No answer, but a crash of Orthanc within this many seconds of the request: its end by a signal, or with an
       * exit code other than 0.
       */
      endsOrthanc: Seconds.optional(),
    })
    .refine(
      ({ status, noAnswer, endsOrthanc }) => hasOne(status, noAnswer, endsOrthanc),
      "name either a status, noAnswer or endsOrthanc",
    )
    .refine(
      ({ status, noAnswer, endsOrthanc, ...ofAnswer }) =>
        !hasOne(noAnswer, endsOrthanc) || Object.keys(ofAnswer).length === 0,
      "without an answer, there is no contentType, body, matches or concurrency to check",
    ),
});

const SignalStep = z.strictObject({
  ...Timing,
  do: z.literal("signal"),
  signal: z.enum(["SIGINT", "SIGTERM", "SIGKILL"]),
  /** `all`: Orthanc's process group, as Ctrl-C in a terminal does; `workers`: descendants without children. */
  to: z.enum(["Orthanc", "all", "workers"]),
  /** Orthanc ends within so many seconds, or is still running after so many seconds. */
  expect: z
    .strictObject({ ends: Seconds.optional(), runs: Seconds.optional() })
    .refine(({ ends, runs }) => hasOne(ends, runs), "name either ends or runs")
    .optional(),
});

/** Orthanc alone is killed, as a lack of memory would, and started again on the same storage and ports. */
const RestartStep = z.strictObject({
  ...Timing,
  do: z.literal("restart"),
  expect: z
    .strictObject({
      starts: z.literal(true).optional(),
      /** A regular expression that Orthanc's log must match. */
      fails: Pattern.optional(),
    })
    .refine(({ starts, fails }) => hasOne(starts, fails), "name either starts or fails"),
});

/** A step without `do` sends a request. */
const Step = z.preprocess(
  (step) => (isObject(step) ? { do: "request", ...step } : step),
  z.discriminatedUnion("do", [RequestStep, SignalStep, RestartStep]),
);

const Program = z.strictObject({
  /** The default is the variant, if there is one, and the language. */
  name: z.string().min(1).optional(),
  language: z.enum(LANGUAGES),
  /** The folder of the program; by default, the scenario's own. */
  variant: z.enum(VARIANTS).optional(),
  /** The reason why there is no such program in this language. */
  impossible: z.string().min(20).optional(),
  /** The file that Orthanc (or the bridge, for TypeScript) loads; the default is `plugin.py` or `plugin.ts`. */
  script: z.string().optional(),
  /** The routes that the bridge forwards to it, if they are not those of the scenario. */
  routes: z.array(Path).min(1).optional(),
  /** Settings that are added to those of the scenario. */
  configuration: z.record(z.string(), z.json()).default({}),
  /** Users in addition to Orthanc's own, each with a generated password. */
  users: z.array(z.string()).default([]),
  /** The address of this machine that the requests are sent to, and therefore come from. */
  from: z.enum(["loopback", "another address"]).default("loopback"),
  /** The outcome of Orthanc's start. */
  start: z
    .union([
      z.literal("answers"),
      /** Orthanc ends, and its log matches this regular expression. */
      z.strictObject({ fails: Pattern }),
      /** Orthanc has not answered after so many seconds. */
      z.strictObject({ hangs: z.number().positive().max(25) }),
    ])
    .default("answers"),
  /** The steps, if they are not those of the scenario. */
  steps: z.array(Step).default([]),
  /** The rows of a table: for each column, one more step with these credentials. */
  rows: z
    .array(z.strictObject({ credential: z.enum(CREDENTIALS), expect: z.array(Status) }))
    .default([]),
  /** Regular expressions that the log must match in the end. */
  log: z.array(Pattern).default([]),
  /** Regular expressions that the log must not match. */
  notInLog: z.array(Pattern).default([]),
});

const Mask = z.strictObject({
  /** A regular expression; each match in an answer's body is replaced before answers are compared. */
  pattern: Pattern,
  replacement: z.string(),
  /** The reason why the matched text may differ between two runs. */
  reason: z.string().min(10),
});

/** Options for the variations of an example's requests, which `variations.ts` makes. */
const Variations = z.strictObject({
  /** The names of the steps whose requests are varied; by default, all that the example's own routes serve. */
  steps: z.array(z.string()).min(1).optional(),
  /** Texts to replace in the twins' files so that a request takes little time: file to text to replacement. */
  smaller: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** The variations that the twins answer differently. A variation that they answer in the same way is an error. */
  differences: z
    .array(
      z.strictObject({
        /** The name of the variation, such as `with a query string`. */
        variation: z.string().min(1),
        /** The step that is varied; by default, any. */
        step: z.string().optional(),
        reason: z.string().min(30),
      }),
    )
    .default([]),
});

export const ScenarioFile = z
  .strictObject({
    /** The idea of the example, or the failure, in one sentence. */
    summary: z.string().min(1),
    /** The page that explains it. */
    page: Path,
    /** The test files of pydicom that are stored in Orthanc before the first step. */
    instances: z.array(z.string()).default([]),
    /** The routes that the bridge forwards to a TypeScript program; a Python program registers them itself. */
    routes: z.array(Path).default([]),
    /** Settings that are added to Orthanc's configuration. */
    configuration: z.record(z.string(), z.json()).default({}),
    /** Without programs, there are two twins, which must give the same answers. */
    programs: z.array(Program).min(1).optional(),
    /** The steps of each program that does not name its own. */
    steps: z.array(Step).default([]),
    /** The columns of a table: its requests. */
    columns: z
      .array(z.strictObject({ name: z.string(), method: Method, path: Path, headers: Headers }))
      .default([]),
    /** The end of each run: Orthanc is asked to stop, which must succeed, or is killed because programs may hang. */
    end: z.enum(["stop", "kill"]).default("stop"),
    /** A regular expression for an answer's body; its group is the duration of the work itself, in seconds. */
    workTime: Pattern.optional(),
    masks: z.array(Mask).default([]),
    variations: Variations.prefault({}),
  })
  .superRefine((scenario, context) => {
    const { programs, steps } = scenario;
    const report: Report = (message, ...path) =>
      context.addIssue({ code: "custom", path, message });
    checkBaselines(steps, report);
    if (!programs && steps.length === 0) report("twins need a step to play", "steps");
    const names = new Set<string>();
    for (const [index, program] of (programs ?? []).entries()) {
      const name = program.name ?? [program.variant, program.language].filter(Boolean).join(" ");
      if (names.has(name)) report(`there are two programs "${name}"`, "programs", index);
      names.add(name);
      checkProgram(scenario, program, name, (message, ...path) =>
        report(message, "programs", index, ...path),
      );
    }
  });

/** Reports what is wrong, and the path of the field. */
type Report = (message: string, ...path: (string | number)[]) => void;

function checkProgram(
  { steps, columns, configuration }: Pick<ScenarioFile, "steps" | "columns" | "configuration">,
  program: ProgramFile,
  name: string,
  report: Report,
): void {
  const all = { ...configuration, ...program.configuration };
  if (all.AuthenticationEnabled === false && all.RemoteAccessAllowed === true) {
    report("an Orthanc without passwords must answer this machine alone", "configuration");
  }
  const own = program.steps.length + program.rows.length;
  if (program.start !== "answers" && own > 0) {
    report("a program that does not start has no steps", "steps");
  }
  if (program.start === "answers" && !program.impossible && own + steps.length === 0) {
    report(`the program "${name}" needs a step to play`, "steps");
  }
  if (program.rows.some((row) => row.expect.length !== columns.length)) {
    report(`each row needs a status for each of the ${columns.length} columns`, "rows");
  }
  checkBaselines(program.steps, report);
}

function checkBaselines(steps: Step[], report: Report): void {
  for (const [index, step] of steps.entries()) {
    if (step.do !== "request" || step.baseline === undefined) continue;
    const single = steps.find(({ name }) => name === step.baseline);
    if (single?.do === "request" && single.calls === 1 && single !== step) continue;
    const message = `name another step that makes one call; "${step.baseline}" is not such a step`;
    report(message, "steps", index, "baseline");
  }
}

export type RequestStep = z.infer<typeof RequestStep>;
export type SignalStep = z.infer<typeof SignalStep>;
export type RestartStep = z.infer<typeof RestartStep>;
export type Step = z.infer<typeof Step>;
export type Mask = z.infer<typeof Mask>;
export type ScenarioFile = z.infer<typeof ScenarioFile>;
export type ProgramFile = z.infer<typeof Program>;

function hasOne(...values: unknown[]): boolean {
  return values.filter((value) => value !== undefined).length === 1;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
