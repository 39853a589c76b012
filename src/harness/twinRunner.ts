/** Plays an example's steps on a twin, and collects the answers. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep, setInterval as ticks } from "node:timers/promises";
import dicomParser from "dicom-parser";
import { formatCount } from "../format/numbers.ts";
import type { Orthanc } from "../orthanc/server.ts";
import type { Twin } from "../protocol/programs.ts";
import type { Call, Progress, StepRun, TwinRun, Versions } from "../protocol/run.ts";
import { OUTPUT_LIMIT, readBody, toAnswer } from "./answer.ts";
import type { Example, Step } from "./example.ts";
import { judgeEnding } from "./judge.ts";
import { waitForNode } from "./nodeProcess.ts";
import { knownSecrets, redact } from "./redact.ts";
import { findStrayListeners } from "./strayListeners.ts";
import { controllerFollowing, withTimeLimit } from "./timeLimit.ts";
import { fetchVersions, startTwin, type TwinOptions } from "./twin.ts";

/** The time limit for a step, in milliseconds. Then a twin that hangs is ended with its Orthanc. */
const STEP_LIMIT = 90_000;

/** A step could not be played: the message names it, and the reason. */
export class PlayError extends Error {
  override name = "PlayError";
}

/** Options for playing a twin. */
export interface PlayOptions extends TwinOptions {
  /** Receives the progress of the run. */
  report?: (progress: Progress) => void;
  /** The time limit for a step, in milliseconds. */
  stepLimit?: number;
}

/**
 * Plays all steps of an example on one of its twins, on a new Orthanc.
 * @returns the run; `stopped` settles when the Orthanc is gone, which takes some seconds without much work, and
 * resolves to the problems with the twin's end: a sentence each
 * @throws PlayError if a step has no answer, or if more than 1 MB is printed or answered; StartError if the twin does
 * not start; the signal's reason if it was aborted. The Orthanc is gone then.
 */
export async function playTwin(
  example: Example,
  twin: Twin,
  options: PlayOptions = {},
): Promise<{ run: TwinRun; versions: Versions; stopped: Promise<string[]> }> {
  const { report = () => {} } = options;
  const start = performance.now();
  const orthanc = await startTwin(example, twin, options);
  report({ type: "started", milliseconds: Math.round(performance.now() - start) });

  const over = controllerFollowing(options.signal);
  const { signal } = over;
  // Without a limit on the log, the run can't continue.
  const followed = followLog(orthanc, report, over).catch((error) => over.abort(error));
  try {
    const names = await readInstanceNames(orthanc, example);
    const node = twin === "typescript" ? await waitForNode(orthanc) : undefined;
    const secrets = knownSecrets(orthanc, node);
    const steps: StepRun[] = [];
    for (const step of example.steps) {
      steps.push(await playStep(orthanc, { ...options, example, step, names, secrets, signal }));
    }
    const versions = await fetchVersions(orthanc);
    const listeners = findStrayListeners(orthanc);
    const stopped = orthanc.stop().then(async (left) => {
      await followed;
      const whole = await orthanc.log();
      const log = redact(whole, secrets);
      return judgeEnding(example, {
        twin,
        how: await orthanc.ended,
        log,
        secretInLog: log !== whole,
        listeners,
        left,
      });
    });
    return { run: { twin, steps }, versions, stopped };
  } catch (error) {
    await orthanc.kill();
    await followed;
    if (signal.aborted) throw signal.reason;
    const how = await orthanc.ended;
    // It is killed here if it has not ended by itself.
    if (how === "SIGKILL") throw error;
    throw new PlayError(`Orthanc has ended: ${how}. ${(error as Error).message}`);
  }
}

/** Reports what Orthanc prints until it has ended. If it prints too much, the run is over. */
async function followLog(
  orthanc: Orthanc,
  report: (progress: Progress) => void,
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
 * Looks up the Orthanc ids of an example's files, by the names that stand for them in paths.
 * @throws PlayError if Orthanc does not have one of them
 */
export async function readInstanceNames(
  orthanc: Orthanc,
  example: Example,
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const file of example.instances) {
    const bytes = await readFile(path.join(orthanc.installation.testFiles, file));
    const uid = dicomParser.parseDicom(bytes, { untilTag: "x00080018" }).string("x00080018");
    const answer = await orthanc.request("/tools/lookup", { method: "POST", body: uid });
    const [found] = (await answer.json()) as { ID: string }[];
    if (!found) throw new PlayError(`Orthanc has not stored ${file}.`);
    names.set(`instance:${file}`, found.ID);
  }
  return names;
}

/**
 * Replaces the names in a step's path with their values.
 * @throws PlayError if a name has no value
 */
export function fillPath(step: Step, names: Map<string, string>): string {
  return step.path.replace(/\{([^}]+)\}/g, (whole, name) => {
    const value = names.get(name);
    if (value === undefined) throw new PlayError(`Step "${step.name}": ${whole} has no value.`);
    return value;
  });
}

interface StepOptions extends Pick<PlayOptions, "report" | "stepLimit"> {
  example: Example;
  step: Step;
  /** The values that the step captures are added here. */
  names: Map<string, string>;
  /** Removed from answers. */
  secrets: string[];
  signal: AbortSignal;
}

/**
 * Plays one step.
 * @throws PlayError if a call has no answer in time, or an answer that is too long
 */
export async function playStep(orthanc: Orthanc, options: StepOptions): Promise<StepRun> {
  const { example, step, names, secrets, report = () => {}, stepLimit = STEP_LIMIT } = options;
  const target = fillPath(step, names);
  const body = step.body === undefined ? undefined : JSON.stringify(step.body);
  const { name, method, comparedWith } = step;
  const request = { name, method, path: target, ...(body && { body }), comparedWith };
  report({ type: "step", request, count: step.calls });

  const start = performance.now();
  const call = async (signal: AbortSignal): Promise<Call> => {
    for (;;) {
      const startedAt = performance.now() - start;
      const response = await orthanc.request(target, { method, body, signal });
      const text = await readBody(response.body);
      if (!step.until || hasMembers(text, step.until)) {
        const workTime = example.worked && new RegExp(example.worked).exec(text)?.[1];
        const call: Call = {
          startedAt: Math.round(startedAt),
          endedAt: Math.round(performance.now() - start),
          ...(workTime && { worked: Math.round(1000 * Number(workTime)) }),
          ...toAnswer(response.status, response.headers, text, secrets),
        };
        report({ type: "call", call });
        return call;
      }
      await sleep(200, undefined, { signal });
    }
  };

  let calls: Call[];
  try {
    calls = await withTimeLimit(stepLimit, options.signal, (signal) =>
      Promise.all(Array.from({ length: step.calls }, () => call(signal))),
    );
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    const log = redact(await orthanc.log(), secrets)
      .split("\n")
      .slice(-20)
      .join("\n");
    throw new PlayError(
      `Step "${name}": ${method} ${target} has no answer (${cause}). The end of the log:\n${log}`,
    );
  }
  for (const [known, member] of Object.entries(step.capture ?? {})) {
    const value = parseMembers(calls[0]?.body ?? "")[member];
    if (value === undefined) {
      throw new PlayError(`Step "${name}": the answer has no "${member}": ${calls[0]?.body}`);
    }
    names.set(known, String(value));
  }
  return { ...request, calls };
}

/** Returns the members of a JSON object; none if the text is something else. */
function parseMembers(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function hasMembers(text: string, members: Record<string, unknown>): boolean {
  const json = parseMembers(text);
  return Object.entries(members).every(([name, value]) => json[name] === value);
}
