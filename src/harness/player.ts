/** Plays a scenario's steps on one of its programs, and collects what is observed. */
import { readFile, stat } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { setTimeout as sleep, setInterval as ticks } from "node:timers/promises";
import dicomParser from "dicom-parser";
import type { Program, Scenario } from "../catalogue/catalogue.ts";
import type { Step } from "../catalogue/scenario.ts";
import { formatCount } from "../format/numbers.ts";
import { makeSecret } from "../orthanc/secrets.ts";
import type { Orthanc } from "../orthanc/server.ts";
import { LateStartError, StartError } from "../orthanc/startError.ts";
import type {
  Call,
  Outcome,
  ProgramRun,
  StartOutcome,
  StepAction,
  StepRun,
  Versions,
} from "../protocol/run.ts";
import { OUTPUT_LIMIT } from "./answer.ts";
import type { Ending } from "./judge.ts";
import { findLine } from "./log.ts";
import { waitForNode } from "./nodeProcess.ts";
import { fetchVersions, type StartOptions, startProgram } from "./program.ts";
import { knownSecrets, redact } from "./redact.ts";
import { PlayError, type ReportCall, type ReportProgress, type Stage } from "./stage.ts";
import { fillPath, sendRequests, textBody } from "./steps/request.ts";
import { restartOrthanc } from "./steps/restart.ts";
import { sendSignal } from "./steps/signal.ts";
import { findStrayListeners } from "./strayListeners.ts";
import { controllerFollowing, untilAborted } from "./timeLimit.ts";

/** The time limit for a step, in milliseconds. Then a program that hangs is ended with its Orthanc. */
const STEP_LIMIT = 90_000;

/** Options for playing a program. */
export interface PlayOptions extends StartOptions {
  /** Receives the progress of the run. */
  report?: ReportProgress;
  /** The time limit for a step, in milliseconds. */
  stepLimit?: number;
}

/** A program that was played. */
export interface Played {
  run: ProgramRun;
  /** Undefined if Orthanc has not started. */
  versions?: Versions;
  /** Settles when the Orthanc is gone, which takes some seconds without much work if it is asked to stop. */
  ending: Promise<Ending>;
}

/**
 * Plays the steps of a scenario on one of its programs, on a new Orthanc.
 * @throws PlayError if a status is expected and there is no answer, or if more than 1 MB is printed or answered;
 * InstallationError, NodeError; the signal's reason if it was aborted. The Orthanc is gone then.
 */
export async function playProgram(
  scenario: Scenario,
  program: Program,
  options: PlayOptions = {},
): Promise<Played> {
  const { report = () => {} } = options;
  const run: ProgramRun = {
    program: program.program,
    language: program.language,
    ...(program.variant && { variant: program.variant }),
    start: { type: "answers" },
    steps: [],
    log: [],
  };
  const host = program.from === "loopback" ? "127.0.0.1" : anotherAddress();
  if (host === undefined) {
    run.skipped = "this machine has no IPv4 address but loopback";
    return { run, ending: Promise.resolve({ log: "" }) };
  }
  const users = makeUsers(program);
  const began = performance.now();
  const { start, orthanc, log } = await startAsExpected(program, { ...options, users });
  run.start = start;
  report({ type: "start", start, milliseconds: Math.round(performance.now() - began) });
  if (!orthanc) {
    report({ type: "log", text: log.slice(0, OUTPUT_LIMIT) });
    run.log = findLines(log, program);
    report({ type: "end", log: run.log });
    return { run, ending: Promise.resolve({ log }) };
  }

  const over = controllerFollowing(options.signal);
  const { signal } = over;
  // Without a limit on the log, the run can't continue.
  const followed = followLog(orthanc, report, over).catch((error) => over.abort(error));
  try {
    // A plugin may keep these requests waiting.
    const versions = await untilAborted(signal, fetchVersions(orthanc, options.node));
    const stage = await untilAborted(
      signal,
      setStage(scenario, program, orthanc, { ...options, host, users, signal }),
    );
    const { secrets } = stage;
    await playSteps(program.steps, stage, run, report);
    run.log = findLines(redact(await orthanc.log(), secrets), program);
    report({ type: "end", log: run.log });
    const end = scenario.end === "kill" ? kill : stop;
    const ending = end(orthanc, secrets);
    if (scenario.end === "kill") await ending;
    return { run, versions, ending: ending.finally(() => followed) };
  } catch (error) {
    const { aborted } = signal;
    // Steps that run beside the one that has failed must not act on an Orthanc that is gone.
    over.abort(error);
    await orthanc.kill();
    await followed;
    if (aborted) throw signal.reason;
    const how = await orthanc.ended;
    // It is killed here if it has not ended by itself.
    if (how === "SIGKILL") throw error;
    throw new PlayError(`Orthanc has ended: ${how}. ${(error as Error).message}`);
  }
}

/** Starts a program; without an Orthanc if it fails or hangs while it starts, and is expected to. */
async function startAsExpected(
  program: Program,
  options: StartOptions,
): Promise<{ start: StartOutcome; orthanc?: Orthanc; log: string }> {
  const seconds = hangsWhileStarting(program);
  const startLimit = seconds && 1000 * seconds;
  try {
    const orthanc = await startProgram(program, { ...options, startLimit });
    return { start: { type: "answers" }, orthanc, log: "" };
  } catch (error) {
    if (!(error instanceof StartError) || program.start === "answers") throw error;
    const log = redact(error.message);
    if (!(error instanceof LateStartError)) return { start: { type: "fails" }, log };
    return { start: { type: "hangs", seconds: error.seconds }, log };
  }
}

/** Gives each of a program's additional users a password: name to password. */
export function makeUsers({ users }: Pick<Program, "users">): Record<string, string> {
  return Object.fromEntries(users.map((name) => [name, makeSecret()]));
}

/** Options for setting a stage. */
interface StageOptions extends Pick<PlayOptions, "stepLimit" | "users"> {
  /** The address that the requests are sent to; by default, loopback. */
  host?: string;
  signal: AbortSignal;
}

/**
 * Waits until a program can be played, and finds out what its steps need to know.
 * @throws PlayError if Orthanc lacks a DICOM file of the program
 */
export async function setStage(
  { workTime }: Scenario,
  { language, instances }: Program,
  orthanc: Orthanc,
  { host = "127.0.0.1", users = {}, stepLimit = STEP_LIMIT, signal }: StageOptions,
): Promise<Stage> {
  const node = language === "typescript" ? await waitForNode(orthanc) : undefined;
  return {
    workTime,
    orthanc,
    url: `http://${host}:${orthanc.ports.http}`,
    names: await readInstanceNames(orthanc, instances),
    users,
    earlierTokens: [],
    secrets: [...knownSecrets(orthanc, node), ...Object.values(users)],
    stepLimit,
    signal,
  };
}

/** The time in seconds for which a program is expected to hang while Orthanc starts; undefined if it is not. */
export function hangsWhileStarting({ start }: Pick<Program, "start">): number | undefined {
  return typeof start === "object" && "hangs" in start ? start.hangs : undefined;
}

/** Plays steps: each after the end of the previous one, or together with it. */
export async function playSteps(
  steps: Step[],
  stage: Stage,
  run: Pick<ProgramRun, "steps">,
  report: ReportProgress = () => {},
): Promise<void> {
  let running: Promise<void>[] = [];
  for (const [index, step] of steps.entries()) {
    if (!step.startWithPrevious) {
      await Promise.all(running);
      running = [];
    }
    const played: StepRun = { ...describeStep(step, stage), calls: [] };
    run.steps.push(played);
    const playing = playStep(step, index, played, stage, report);
    // An error of a step ends the run, whatever runs beside it.
    playing.catch(() => {});
    running.push(playing);
  }
  await Promise.all(running);
}

async function playStep(
  step: Step,
  index: number,
  played: StepRun,
  stage: Stage,
  report: ReportProgress,
): Promise<void> {
  await sleep(1000 * step.after, undefined, { signal: stage.signal });
  const { calls: _, ...action } = played;
  const count = step.do === "request" ? step.calls : 0;
  report({ type: "step", index, step: action, count, ...expectedHang(step) });
  const start = performance.now();
  const result = await act(step, stage, (call) => report({ type: "call", index, call }));
  if (Array.isArray(result)) {
    played.calls = result;
    return;
  }
  played.outcome = result;
  played.milliseconds = Math.round(performance.now() - start);
  report({ type: "outcome", index, outcome: result, milliseconds: played.milliseconds });
}

function act(step: Step, stage: Stage, report: ReportCall): Promise<Call[] | Outcome> {
  switch (step.do) {
    case "request":
      return sendRequests(step, stage, report);
    case "signal":
      return sendSignal(step, stage);
    case "restart":
      return restartOrthanc(step, stage);
  }
}

function expectedHang(step: Step): { hangsUntil?: number } {
  if (step.do === "restart") return {};
  const seconds = step.do === "request" ? step.expect.noAnswer : step.expect?.runs;
  return seconds === undefined ? {} : { hangsUntil: Date.now() + 1000 * seconds };
}

const RECEIVERS = {
  Orthanc: "Orthanc",
  all: "Orthanc and all its processes",
  workers: "the workers",
};

/** Describes what a step does, in a few words. */
function describeStep(step: Step, { names }: Stage): StepAction {
  const { name } = step;
  if (step.do === "signal") return { name, action: `${step.signal} to ${RECEIVERS[step.to]}` };
  if (step.do === "restart") {
    return { name, action: "SIGKILL to Orthanc, which is then started again" };
  }
  const { method, baseline, credential } = step;
  const action = `${method} ${fillPath(step, names)}`;
  return { name, action, body: textBody(step), baseline, credential };
}

/** Asks Orthanc to stop, and observes how it ends. */
async function stop(orthanc: Orthanc, secrets: string[]): Promise<Ending> {
  const listeners = findStrayListeners(orthanc);
  const left = await orthanc.stop();
  return { ...(await readLog(orthanc, secrets)), how: await orthanc.ended, listeners, left };
}

async function kill(orthanc: Orthanc, secrets: string[]): Promise<Ending> {
  await orthanc.kill();
  return readLog(orthanc, secrets);
}

async function readLog(orthanc: Orthanc, secrets: string[]) {
  const whole = await orthanc.log();
  const log = redact(whole, secrets);
  return { log, secretInLog: log !== whole };
}

/** Finds the expected lines in a log. */
function findLines(log: string, program: Program): string[] {
  const { start } = program;
  const patterns = typeof start === "object" && "fails" in start ? [start.fails] : [];
  return [...patterns, ...program.log].flatMap((pattern) => findLine(log, pattern) ?? []);
}

/** Reports what Orthanc prints until it has ended. If it prints too much, the run is over. */
async function followLog(
  orthanc: Orthanc,
  report: ReportProgress,
  over: AbortController,
): Promise<void> {
  let reported = 0;
  const reportNew = async () => {
    const text = await orthanc.log();
    if (text.length > reported) report({ type: "log", text: text.slice(reported, OUTPUT_LIMIT) });
    reported = Math.max(reported, text.length);
  };
  const ended = new AbortController();
  orthanc.ended.finally(() => ended.abort()).catch(() => {});
  // The run may be over before the first pause.
  await reportNew();
  try {
    for await (const _ of ticks(200, undefined, { signal: ended.signal })) {
      const { size } = await stat(orthanc.logFile);
      if (size > OUTPUT_LIMIT) {
        over.abort(new PlayError(`More than ${formatCount(OUTPUT_LIMIT)} bytes were logged.`));
        break;
      }
      await reportNew();
    }
  } catch {
    // Orthanc has ended; the end of its log is reported below.
  }
  await orthanc.ended;
  await reportNew();
}

/**
 * Looks up the Orthanc ids of DICOM files, by the names that stand for them in paths.
 * @param instances names of test files of pydicom that were sent to Orthanc
 * @throws PlayError if Orthanc does not have one of them
 */
async function readInstanceNames(
  orthanc: Orthanc,
  instances: string[],
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const file of instances) {
    const bytes = await readFile(path.join(orthanc.installation.testFiles, file));
    const uid = dicomParser.parseDicom(bytes, { untilTag: "x00080018" }).string("x00080018");
    const answer = await orthanc.request("/tools/lookup", { method: "POST", body: uid });
    const [found] = (await answer.json()) as { ID: string }[];
    if (!found) throw new PlayError(`Orthanc has not stored ${file}.`);
    names.set(`instance:${file}`, found.ID);
  }
  return names;
}

/** Finds an IPv4 address of this machine that is not loopback; undefined if it has none. */
function anotherAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
