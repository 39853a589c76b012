/** Plays an example's steps on a running twin and notes what it answers. */

import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setInterval, setTimeout as sleep } from "node:timers/promises";
import dicomParser from "dicom-parser";
import type { Orthanc } from "../orthanc/server.ts";
import { OUTPUT_LIMIT, readText, toAnswer } from "./answer.ts";
import type { Example, Step, Twin } from "./example.ts";
import { judgeEnding } from "./judge.ts";
import { abortedWith, withinLimit } from "./limit.ts";
import { strayListeners } from "./listeners.ts";
import { nodeListens } from "./node.ts";
import type { Call, Progress, StepRun, TwinRun, Versions } from "./run.ts";
import { redact, secretsOf } from "./secrets.ts";
import { startTwin, type TwinOptions, versionsOf } from "./twin.ts";

/** How long one step may take, in milliseconds. A twin that hangs is then ended with its Orthanc. */
const STEP_LIMIT = 90_000;

/** A step could not be played: which one, and why. */
export class PlayError extends Error {
  override name = "PlayError";
}

/** How a twin is played. */
export interface PlayOptions extends TwinOptions {
  /** Is told how far the run is. */
  report?: (progress: Progress) => void;
  /** How long one step may take, in milliseconds. */
  stepLimit?: number;
}

/**
 * Plays all steps of an example on one of its twins, on a fresh Orthanc.
 * @returns what was seen; `stopped` settles when that Orthanc is gone, which takes seconds in which it only waits,
 * and gives what is wrong with the twin's end: a sentence for each
 * @throws PlayError where a step has no answer, or more is printed or answered than 1 MB; StartError where the
 * twin does not start; the signal's reason where it was aborted. The Orthanc is gone then.
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

  const over = abortedWith(options.signal);
  const { signal } = over;
  const followed = followLog(orthanc, report, over);
  try {
    const names = await instanceNames(orthanc, example);
    const node = twin === "typescript" ? await nodeListens(orthanc) : undefined;
    const secrets = secretsOf(orthanc, node);
    const steps: StepRun[] = [];
    for (const step of example.steps) {
      steps.push(await playStep(orthanc, { ...options, example, step, names, secrets, signal }));
    }
    const versions = await versionsOf(orthanc);
    const listeners = strayListeners(orthanc);
    const stopped = orthanc.stop().then(async () => {
      await followed;
      const whole = await orthanc.log();
      const log = redact(whole, secrets);
      return judgeEnding(example, {
        twin,
        how: await orthanc.ended,
        log,
        secretInLog: log !== whole,
        listeners,
        left: orthanc.left,
      });
    });
    return { run: { twin, steps }, versions, stopped };
  } catch (error) {
    await orthanc.kill();
    await followed;
    throw signal.aborted ? signal.reason : error;
  }
}

/** Reports what Orthanc prints until it has ended. Where it is too much, the run is over. */
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
  orthanc.ended.then(() => ended.abort());
  // A run may be over before the first pause is.
  await reportNew();
  try {
    for await (const _ of setInterval(200, undefined, { signal: ended.signal })) {
      const { size } = await stat(orthanc.logFile);
      if (size > OUTPUT_LIMIT) {
        over.abort(
          new PlayError(`More than ${OUTPUT_LIMIT.toLocaleString("en-GB")} bytes were logged.`),
        );
        break;
      }
      await reportNew();
    }
  } catch {
    // Orthanc has ended; its last words are below.
  }
  await orthanc.ended;
  await reportNew();
}

/**
 * The Orthanc ids of an example's files, by the names that stand for them in paths.
 * @throws PlayError if Orthanc does not have one of them
 */
export async function instanceNames(
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
 * A step's path with what its names stand for.
 * @throws PlayError if one of them stands for nothing
 */
export function filledPath(step: Step, names: Map<string, string>): string {
  return step.path.replace(/\{([^}]+)\}/g, (whole, name) => {
    const value = names.get(name);
    if (value === undefined)
      throw new PlayError(`Step "${step.name}": nothing is known as ${whole}.`);
    return value;
  });
}

interface StepOptions extends Pick<PlayOptions, "report" | "stepLimit"> {
  example: Example;
  step: Step;
  /** Takes up what the step captures. */
  names: Map<string, string>;
  /** What must not be in an answer. */
  secrets: string[];
  signal: AbortSignal;
}

/**
 * Plays one step.
 * @throws PlayError if a call has no answer in time, or too long a one
 */
export async function playStep(orthanc: Orthanc, options: StepOptions): Promise<StepRun> {
  const { example, step, names, secrets, report = () => {}, stepLimit = STEP_LIMIT } = options;
  const target = filledPath(step, names);
  const body = step.body === undefined ? undefined : JSON.stringify(step.body);
  const { name, method, comparedWith } = step;
  const request = { name, method, path: target, ...(body && { body }), comparedWith };
  report({ type: "step", request, count: step.calls });

  const start = performance.now();
  const call = async (signal: AbortSignal): Promise<Call> => {
    for (;;) {
      const startedAt = performance.now() - start;
      const response = await orthanc.request(target, { method, body, signal });
      const text = await readText(response.body);
      if (!step.until || hasMembers(text, step.until)) {
        const worked = example.worked && new RegExp(example.worked).exec(text)?.[1];
        const call: Call = {
          startedAt: Math.round(startedAt),
          endedAt: Math.round(performance.now() - start),
          ...(worked && { worked: Math.round(1000 * Number(worked)) }),
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
    calls = await withinLimit(stepLimit, options.signal, (signal) =>
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
    const value = membersOf(calls[0]?.body ?? "")[member];
    if (value === undefined) {
      throw new PlayError(`Step "${name}": the answer has no "${member}": ${calls[0]?.body}`);
    }
    names.set(known, String(value));
  }
  return { ...request, calls };
}

/** The members of a JSON object; none where the text is something else. */
function membersOf(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function hasMembers(text: string, members: Record<string, unknown>): boolean {
  const json = membersOf(text);
  return Object.entries(members).every(([name, value]) => json[name] === value);
}
