/** Runs the programs of hazards: plays their steps within time limits, and compares expected and observed outcomes. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Orthanc } from "../orthanc/server.ts";
import { StartError } from "../orthanc/startError.ts";
import type { Twin, Variant } from "../protocol/programs.ts";
import type { HazardStepResult, ProgramResult } from "../protocol/record.ts";
import type { Versions } from "../protocol/run.ts";
import { ExampleError } from "./example.ts";
import { findProgram, type Hazard, type HazardStep, type Program } from "./hazard.ts";
import { fetchVersions, startTwin, type TwinFiles } from "./twin.ts";
import { workers } from "./workers.ts";

/** The time limit for an answer or an end if the hazard has none of its own, in milliseconds. */
const STEP_LIMIT = 40_000;
/** The maximum length of a body, and of a line of the log, that is kept, in characters. */
const EXCERPT = 300;

/** A run of one program of a hazard. */
export interface HazardRun {
  result: ProgramResult;
  /** The deviations from what the hazard expects: a sentence each. */
  problems: string[];
  /** Undefined if Orthanc has not started. */
  versions?: Versions;
}

/**
 * Runs one program of a hazard on a new private Orthanc. If it hangs, it is ended: nothing is left behind.
 * @param edited files that replace the program's own: name to text
 * @throws ExampleError if the hazard has no such program; InstallationError, PackagesError
 */
export async function runHazardProgram(
  hazard: Hazard,
  variant: Variant,
  twin: Twin,
  edited: TwinFiles = {},
): Promise<HazardRun> {
  const program = findProgram(hazard, variant, twin);
  if (!program) throw new ExampleError(`${hazard.id} has no ${variant} ${twin} program.`);
  const result: ProgramResult = {
    kind: variant,
    twin,
    start: "Orthanc starts.",
    steps: [],
    log: [],
  };
  const run: HazardRun = { result, problems: [] };
  const orthanc = await startProgram(hazard, program, edited, run);
  if (!orthanc) return run;
  try {
    run.versions = await fetchVersions(orthanc);
    await playSteps(orthanc, program, run);
    checkLog(await orthanc.log(), program, run);
    return run;
  } finally {
    await orthanc.kill();
  }
}

/** Starts Orthanc with a program; undefined if it does not start, which may be expected. */
async function startProgram(
  hazard: Hazard,
  { start, routes = hazard.routes, script }: Program,
  edited: TwinFiles,
  { result, problems }: HazardRun,
): Promise<Orthanc | undefined> {
  const folder = path.join(hazard.folder, result.kind);
  const hangs = typeof start === "object" && "hangs" in start ? start.hangs : undefined;
  try {
    const orthanc = await startTwin({ folder, routes, instances: [] }, result.twin, {
      edited,
      script,
      configuration: hazard.configuration,
      ...(hangs && { signal: AbortSignal.timeout(1000 * hangs) }),
    });
    if (start !== "answers") problems.push("Orthanc has started, but was expected not to");
    return orthanc;
  } catch (error) {
    const late = (error as Error).name === "TimeoutError";
    if (!late && !(error instanceof StartError)) throw error;
    const log = (error as Error).message;
    result.start = late
      ? `Orthanc has not answered after ${hangs} seconds.`
      : "Orthanc does not start.";
    if (start === "answers") problems.push(`Orthanc was expected to start: ${log}`);
    else if ("hangs" in start && !late)
      problems.push(`Orthanc was expected to hang, but has ended: ${log}`);
    else if ("fails" in start) result.log.push(...findMatches(log, [start.fails], problems));
    return undefined;
  }
}

/** Plays the steps of a program: each after the end of the previous one, or together with it. */
async function playSteps(
  orthanc: Orthanc,
  { steps }: Program,
  { result, problems }: HazardRun,
): Promise<void> {
  let running: Promise<void>[] = [];
  for (const step of steps) {
    if (!step.together) {
      await Promise.all(running);
      running = [];
    }
    const stepResult = { name: step.name, done: describeAction(step), seen: "", milliseconds: 0 };
    result.steps.push(stepResult);
    running.push(
      playStep(orthanc, step).then(({ asExpected, ...outcome }) => {
        Object.assign(stepResult, outcome);
        if (!asExpected) {
          const expected = JSON.stringify(step.expect);
          problems.push(`"${step.name}": ${outcome.seen} Expected: ${expected}.`);
        }
      }),
    );
  }
  await Promise.all(running);
}

function checkLog(log: string, program: Program, { result, problems }: HazardRun): void {
  result.log.push(...findMatches(log, program.log, problems));
  for (const pattern of program.notInLog) {
    const found = new RegExp(pattern, "m").exec(log);
    if (found) problems.push(`the log contains ${JSON.stringify(found[0].slice(0, EXCERPT))}`);
  }
  if (problems.length > 0) problems.push(`The end of the log:\n${log.slice(-3000)}`);
}

/** Describes the action of a step in a few words. */
function describeAction(step: HazardStep): string {
  if (step.do === "request") return `${step.method} ${step.path}`;
  if (step.do === "signal") {
    const receivers = {
      Orthanc: "Orthanc",
      all: "Orthanc and all its processes",
      workers: "the workers",
    };
    return `${step.signal} to ${receivers[step.to]}`;
  }
  return "SIGKILL to Orthanc, which is then started again";
}

interface Outcome extends Pick<HazardStepResult, "seen" | "milliseconds"> {
  asExpected: boolean;
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
      return sendRequest(orthanc, step);
    case "signal":
      return sendSignal(orthanc, step);
    case "crash and start again":
      return crashAndRestart(orthanc, step);
  }
}

async function sendRequest(orthanc: Orthanc, step: HazardStep & { do: "request" }) {
  const { expect, method, file } = step;
  const limit = "noAnswer" in expect ? 1000 * expect.noAnswer : STEP_LIMIT;
  const body = file
    ? await readFile(path.join(orthanc.installation.testFiles, file))
    : (step.text ?? (step.body === undefined ? undefined : JSON.stringify(step.body)));
  try {
    const signal = AbortSignal.timeout(limit);
    const response = await orthanc.request(step.path, { method, body, signal });
    const text = (await response.text()).trim();
    const seen = `${response.status}${text && `: ${text.slice(0, EXCERPT)}`}`;
    if (!("status" in expect)) return { seen, asExpected: false };
    const matches = new RegExp(expect.body ?? "").test(text);
    return { seen, asExpected: response.status === expect.status && matches };
  } catch (error) {
    if ("endsOrthanc" in expect) {
      const limit = sleep(1000 * expect.endsOrthanc, undefined, { ref: false });
      const ended = await Promise.race([orthanc.ended, limit]);
      const seen = `No answer. ${ended ? `Orthanc ends: ${ended}` : "Orthanc still runs"}.`;
      return { seen, asExpected: ended !== undefined };
    }
    const late = (error as Error).name === "TimeoutError";
    const seen = late
      ? `No answer within ${limit / 1000} seconds.`
      : `The connection ended without an answer.`;
    return { seen, asExpected: late && "noAnswer" in expect };
  }
}

async function sendSignal(orthanc: Orthanc, step: HazardStep & { do: "signal" }) {
  const { expect } = step;
  const pids = {
    Orthanc: () => [orthanc.pid],
    all: () => [-orthanc.pid],
    workers: () => workers(orthanc),
  };
  // On a busy machine, it takes a moment until the worker for a call has started.
  const end = Date.now() + STEP_LIMIT;
  let receivers = pids[step.to]();
  while (receivers.length === 0 && Date.now() < end) {
    await sleep(50);
    receivers = pids[step.to]();
  }
  for (const pid of receivers) process.kill(pid, step.signal);
  if (!expect) {
    const seen =
      receivers.length === 1 ? "One process was told." : `${receivers.length} processes were told.`;
    return { seen, asExpected: receivers.length > 0 };
  }
  const limit = "ends" in expect ? expect.ends : expect.runs;
  const ended = await Promise.race([
    orthanc.ended.then(() => true),
    sleep(1000 * limit, false, { ref: false }),
  ]);
  const seen = ended ? "Orthanc ends." : `Orthanc still runs after ${limit} seconds.`;
  return { seen, asExpected: ended === "ends" in expect };
}

async function crashAndRestart(
  orthanc: Orthanc,
  { expect }: HazardStep & { do: "crash and start again" },
) {
  try {
    await orthanc.restart();
    return { seen: "It starts again.", asExpected: "starts" in expect };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    // The log is only searched for the expected reason: this pattern matches nothing.
    const pattern = "fails" in expect ? expect.fails : "$.";
    const found = new RegExp(pattern, "m").exec(error.message)?.[0];
    return {
      seen: `It does not start${found ? `: ${found}` : "."}`,
      asExpected: found !== undefined,
    };
  }
}

/** Finds the matches of regular expressions in a log; an expression without a match is a problem. */
function findMatches(log: string, patterns: string[], problems: string[]): string[] {
  return patterns.flatMap((pattern) => {
    const found = new RegExp(pattern, "m").exec(log)?.[0];
    if (found === undefined)
      problems.push(`the log has no match for ${pattern}:\n${log.slice(-3000)}`);
    return found === undefined ? [] : [found.slice(0, EXCERPT)];
  });
}
