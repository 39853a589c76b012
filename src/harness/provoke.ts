/** Provokes a hazard: plays the steps of one of its programs, each with an end, and notes what is seen. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Orthanc, StartError } from "../orthanc/server.ts";
import { ExampleError, type Twin } from "./example.ts";
import { type Hazard, type HazardStep, type Kind, programOf } from "./hazard.ts";
import { workers } from "./processes.ts";
import type { Versions } from "./run.ts";
import { startTwin, type TwinFiles, versionsOf } from "./twin.ts";

/** How long an answer or an end may take where the hazard says nothing else, in milliseconds. */
const STEP_LIMIT = 40_000;
/** How much of a body or of a line of the log is noted, in characters. */
const NOTED = 300;

/** One step, as it went. */
export interface SeenStep {
  name: string;
  /** What was done, such as `GET /computation`. */
  done: string;
  /** What came of it, in words. */
  seen: string;
  /** Since the step began. */
  milliseconds: number;
}

/** One program of a hazard, as it went. */
export interface SeenProgram {
  kind: Kind;
  twin: Twin;
  /** What came of Orthanc's start, in words. */
  start: string;
  steps: SeenStep[];
  /** What was looked for in the log, and found. */
  log: string[];
}

/** All programs of a hazard, as recorded under `static/runs/hazards/`. */
export interface RecordedHazard {
  hazard: string;
  /** The Debian release of the Orthanc, such as `bookworm`. */
  release: string;
  versions: Versions;
  /** ISO 8601, UTC. */
  recordedAt: string;
  /** SHA-256 over the hazard's, the bridge's and the pool's files. */
  sources: string;
  programs: SeenProgram[];
}

/** What `provoke` gives. */
export interface Provoked {
  seen: SeenProgram;
  /** What is not as the hazard declares it: a sentence each. */
  problems: string[];
  /** Undefined where Orthanc has not started. */
  versions?: Versions;
}

/**
 * Plays one program of a hazard on a fresh private Orthanc. Whatever hangs is ended: nothing is left behind.
 * @param edited texts that take the place of the program's own files
 * @throws ExampleError where the hazard has no such program; InstallationError, PackagesError
 */
export async function provoke(
  hazard: Hazard,
  kind: Kind,
  twin: Twin,
  edited: TwinFiles = {},
): Promise<Provoked> {
  const program = programOf(hazard, kind, twin);
  if (!program) throw new ExampleError(`${hazard.id} has no ${kind} ${twin} program.`);
  const seen: SeenProgram = { kind, twin, start: "Orthanc starts.", steps: [], log: [] };
  const problems: string[] = [];
  const { start } = program;
  const hangs = typeof start === "object" && "hangs" in start ? start.hangs : undefined;

  let orthanc: Orthanc;
  try {
    orthanc = await startTwin(
      {
        folder: path.join(hazard.folder, kind),
        routes: program.routes ?? hazard.routes,
        instances: [],
      },
      twin,
      {
        edited,
        script: program.script,
        configuration: hazard.configuration,
        ...(hangs && { signal: AbortSignal.timeout(1000 * hangs) }),
      },
    );
  } catch (error) {
    const late = (error as Error).name === "TimeoutError";
    if (!late && !(error instanceof StartError)) throw error;
    const log = (error as Error).message;
    seen.start = late
      ? `Orthanc has not answered after ${hangs} seconds.`
      : "Orthanc does not start.";
    if (start === "answers") problems.push(`it was to start: ${log}`);
    else if ("hangs" in start && !late) problems.push(`it was to hang, and has ended: ${log}`);
    else if ("fails" in start) seen.log.push(...find(log, [start.fails], problems));
    return { seen, problems };
  }

  try {
    if (start !== "answers") problems.push("Orthanc has started, which it was not to do");
    const versions = await versionsOf(orthanc);
    let together: Promise<void>[] = [];
    for (const step of program.steps) {
      if (!step.together) {
        await Promise.all(together);
        together = [];
      }
      const place = seen.steps.length;
      seen.steps.push({ name: step.name, done: doneIn(step), seen: "", milliseconds: 0 });
      together.push(
        playStep(orthanc, step).then(({ asDeclared, ...rest }) => {
          Object.assign(seen.steps[place] as SeenStep, rest);
          if (!asDeclared) {
            const declared = JSON.stringify(step.expect);
            problems.push(`"${step.name}": ${rest.seen} Declared is ${declared}.`);
          }
        }),
      );
    }
    await Promise.all(together);
    const log = await orthanc.log();
    seen.log.push(...find(log, program.log, problems));
    for (const pattern of program.notInLog) {
      const found = new RegExp(pattern, "m").exec(log);
      if (found) problems.push(`the log has ${JSON.stringify(found[0].slice(0, NOTED))}`);
    }
    if (problems.length > 0) problems.push(`The end of the log:\n${log.slice(-3000)}`);
    return { seen, problems, versions };
  } finally {
    await orthanc.kill();
  }
}

/** What a step does, in a few words. */
function doneIn(step: HazardStep): string {
  if (step.do === "request") return `${step.method} ${step.path}`;
  if (step.do === "signal") {
    const whom = {
      Orthanc: "Orthanc",
      all: "Orthanc and all its processes",
      workers: "the workers",
    };
    return `${step.signal} to ${whom[step.to]}`;
  }
  return "SIGKILL to Orthanc, which is then started again";
}

interface Outcome extends Pick<SeenStep, "seen" | "milliseconds"> {
  asDeclared: boolean;
}

async function playStep(orthanc: Orthanc, step: HazardStep): Promise<Outcome> {
  await sleep(1000 * step.after);
  const start = performance.now();
  const outcome = await act(orthanc, step);
  return { ...outcome, milliseconds: Math.round(performance.now() - start) };
}

function act(orthanc: Orthanc, step: HazardStep): Promise<Omit<Outcome, "milliseconds">> {
  switch (step.do) {
    case "request":
      return request(orthanc, step);
    case "signal":
      return signal(orthanc, step);
    case "crash and start again":
      return crash(orthanc, step);
  }
}

async function request(orthanc: Orthanc, step: HazardStep & { do: "request" }) {
  const { expect, method, file } = step;
  const limit = "noAnswer" in expect ? 1000 * expect.noAnswer : STEP_LIMIT;
  const body = file
    ? await readFile(path.join(orthanc.installation.testFiles, file))
    : (step.text ?? (step.body === undefined ? undefined : JSON.stringify(step.body)));
  try {
    const signal = AbortSignal.timeout(limit);
    const response = await orthanc.request(step.path, { method, body, signal });
    const text = (await response.text()).trim();
    const seen = `${response.status}${text && `: ${text.slice(0, NOTED)}`}`;
    if (!("status" in expect)) return { seen, asDeclared: false };
    const matches = new RegExp(expect.body ?? "").test(text);
    return { seen, asDeclared: response.status === expect.status && matches };
  } catch (error) {
    if ("endsOrthanc" in expect) {
      const limit = sleep(1000 * expect.endsOrthanc, undefined, { ref: false });
      const ended = await Promise.race([orthanc.ended, limit]);
      const seen = `No answer. ${ended ? `Orthanc ends: ${ended}` : "Orthanc still runs"}.`;
      return { seen, asDeclared: ended !== undefined };
    }
    const late = (error as Error).name === "TimeoutError";
    const seen = late
      ? `No answer within ${limit / 1000} seconds.`
      : `The connection ended without an answer.`;
    return { seen, asDeclared: late && "noAnswer" in expect };
  }
}

async function signal(orthanc: Orthanc, step: HazardStep & { do: "signal" }) {
  const { expect } = step;
  const pids = {
    Orthanc: () => [orthanc.pid],
    all: () => [-orthanc.pid],
    workers: () => workers(orthanc),
  };
  // On a busy machine, a worker that is started for a call is not there at once.
  const end = Date.now() + STEP_LIMIT;
  let told = pids[step.to]();
  while (told.length === 0 && Date.now() < end) {
    await sleep(50);
    told = pids[step.to]();
  }
  for (const pid of told) process.kill(pid, step.signal);
  if (!expect) {
    const seen =
      told.length === 1 ? "One process was told." : `${told.length} processes were told.`;
    return { seen, asDeclared: told.length > 0 };
  }
  const limit = "ends" in expect ? expect.ends : expect.runs;
  const ended = await Promise.race([
    orthanc.ended.then(() => true),
    sleep(1000 * limit, false, { ref: false }),
  ]);
  const seen = ended ? "Orthanc ends." : `Orthanc still runs after ${limit} seconds.`;
  return { seen, asDeclared: ended === "ends" in expect };
}

async function crash(orthanc: Orthanc, { expect }: HazardStep & { do: "crash and start again" }) {
  try {
    await orthanc.restart();
    return { seen: "It starts again.", asDeclared: "starts" in expect };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const pattern = "fails" in expect ? expect.fails : "$.";
    const found = new RegExp(pattern, "m").exec(error.message)?.[0];
    return {
      seen: `It does not start${found ? `: ${found}` : "."}`,
      asDeclared: found !== undefined,
    };
  }
}

/** What of a log the regular expressions match; those without a match are problems. */
function find(log: string, patterns: string[], problems: string[]): string[] {
  return patterns.flatMap((pattern) => {
    const found = new RegExp(pattern, "m").exec(log)?.[0];
    if (found === undefined)
      problems.push(`the log has no match of ${pattern}:\n${log.slice(-3000)}`);
    return found === undefined ? [] : [found.slice(0, NOTED)];
  });
}
