/** Lists and reads what is under `examples/`: the one list that pages, commands and tests use. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LANGUAGES, type Language, type ProgramName, type Variant } from "../protocol/programs.ts";
import { parse, ScenarioError } from "./parse.ts";
import { type Mask, type ProgramFile, ScenarioFile, type Step } from "./scenario.ts";

/** The folder of the examples, absolute. */
export const EXAMPLES = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../examples",
);
/** The name of the file that describes a scenario, in its folder. */
const FILE = "scenario.json";

/** A program that can be played. */
export interface Program
  extends ProgramName,
    Pick<ProgramFile, "script" | "users" | "from" | "start" | "steps" | "log" | "notInLog"> {
  /** Absolute. */
  folder: string;
  /** The routes that the bridge forwards to it. */
  routes: string[];
  configuration: Record<string, unknown>;
  /** The test files of pydicom that are stored in Orthanc before the first step. */
  instances: string[];
}

/** A program that a language can't have. */
export interface ImpossibleProgram {
  language: Language;
  variant?: Variant;
  reason: string;
}

/** Programs, steps that are played on each, and the expected outcomes. */
export interface Scenario
  extends Pick<ScenarioFile, "summary" | "page" | "end" | "workTime" | "variations"> {
  /** The name of its folder below `examples/`, such as `hazards/killed-worker`. */
  id: string;
  /** Absolute. */
  folder: string;
  masks: Mask[];
  /** The programs are twins: they must give the same answers. */
  twins: boolean;
  /** It is a table: it has columns, and its programs have rows. */
  table: boolean;
  programs: Program[];
  impossible: ImpossibleProgram[];
}

/**
 * Lists the ids of all scenarios, sorted.
 * @param examples the folder of the examples
 */
export async function scenarioIds(examples = EXAMPLES): Promise<string[]> {
  const entries = await readdir(examples, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.name === FILE)
    .map((entry) => path.relative(examples, entry.parentPath))
    .sort();
}

/**
 * Reads one scenario.
 * @param id the name of its folder
 * @param examples the folder of the examples
 * @throws ScenarioError if there is no such scenario (it lists all scenarios), or if its file is invalid
 */
export async function readScenario(id: string, examples = EXAMPLES): Promise<Scenario> {
  const ids = await scenarioIds(examples);
  if (!ids.includes(id)) {
    throw new ScenarioError(`There is no example "${id}". The examples are: ${ids.join(", ")}.`);
  }
  const folder = path.join(examples, id);
  const text = await readFile(path.join(folder, FILE), "utf8");
  return { id, ...parseScenario(text, `examples/${id}/${FILE}`, folder) };
}

/** Reads all scenarios, sorted by their ids. */
export async function readScenarios(): Promise<Scenario[]> {
  return Promise.all((await scenarioIds()).map((id) => readScenario(id)));
}

/**
 * Checks the text of a `scenario.json`.
 * @param file its name, for messages
 * @param folder the scenario's folder
 * @throws ScenarioError with a line for each error: file, field, reason
 */
export function parseScenario(text: string, file: string, folder: string): Omit<Scenario, "id"> {
  const parsed = parse(ScenarioFile, text, file);
  const { summary, page, end, workTime, variations, masks } = parsed;
  const all = parsed.programs ?? LANGUAGES.map((language) => ({ ...ONE_OF_THE_TWINS, language }));
  const programs = all
    .filter(({ impossible }) => impossible === undefined)
    .map((program) => resolveProgram(parsed, program, folder));
  const impossible = all.flatMap(({ language, variant, impossible: reason }) =>
    reason === undefined ? [] : [{ language, variant, reason }],
  );
  const twins = parsed.programs === undefined;
  const table = parsed.columns.length > 0;
  const common = { folder, summary, page, end, workTime, variations, masks };
  return { ...common, twins, table, programs, impossible };
}

const ONE_OF_THE_TWINS: Omit<ProgramFile, "language"> = {
  configuration: {},
  users: [],
  from: "loopback",
  start: "answers",
  steps: [],
  rows: [],
  log: [],
  notInLog: [],
};

/** Adds to a program what it has in common with the others of its scenario. */
function resolveProgram(scenario: ScenarioFile, program: ProgramFile, folder: string): Program {
  const { name, language, variant, script, users, from, start, log, notInLog } = program;
  const own = program.steps.length > 0 || program.rows.length > 0;
  return {
    program: name ?? (variant ? `${variant} ${language}` : language),
    language,
    variant,
    folder: variant ? path.join(folder, variant) : folder,
    script,
    users,
    from,
    start,
    log,
    notInLog,
    routes: program.routes ?? scenario.routes,
    configuration: { ...scenario.configuration, ...program.configuration },
    instances: scenario.instances,
    steps: own ? [...program.steps, ...rowSteps(scenario, program)] : scenario.steps,
  };
}

/** The steps of a program's rows: each sends the requests of all columns with the same credentials. */
function rowSteps({ columns }: ScenarioFile, { rows }: ProgramFile): Step[] {
  return rows.flatMap(({ credential, expect }) =>
    columns.map(({ name, method, path, headers }, index): Step => {
      return {
        name,
        do: "request",
        startWithPrevious: false,
        after: 0,
        method,
        path,
        headers,
        credential,
        calls: 1,
        statusOnly: true,
        expect: { status: expect[index] },
      };
    }),
  );
}

/**
 * Finds a program of a scenario by its name.
 * @throws ScenarioError if there is none; it lists all names
 */
export function findProgram({ id, programs }: Scenario, name: string): Program {
  const found = programs.find(({ program }) => program === name);
  if (found) return found;
  const names = programs.map(({ program }) => program).join(", ");
  throw new ScenarioError(`${id} has no program "${name}". Its programs are: ${names}.`);
}

/**
 * Reads a program of a scenario.
 * @throws ScenarioError if there is no such scenario or program, or if the scenario's file is invalid
 */
export async function readProgram(id: string, name: string): Promise<Program> {
  return findProgram(await readScenario(id), name);
}

/** Returns the scenario with another number of calls at once in each step that makes more than one. */
export function withCalls(scenario: Scenario, calls: number): Scenario {
  const change = (step: Step): Step => {
    if (step.do !== "request" || step.calls === 1) return step;
    const { concurrency, ...expect } = step.expect;
    // A single call has no concurrency to check.
    return { ...step, calls, expect: calls === 1 ? expect : step.expect };
  };
  const programs = scenario.programs.map((program) => {
    return { ...program, steps: program.steps.map(change) };
  });
  return { ...scenario, programs };
}
