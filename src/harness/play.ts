/** Plays an example's steps on a running twin and notes what it answers. */

import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep, setInterval as ticks } from "node:timers/promises";
import dicomParser from "dicom-parser";
import type { Response } from "undici";
import type { Orthanc } from "../orthanc/server.ts";
import type { Example, Step, Twin } from "./example.ts";
import type { Call, Progress, StepRun, TwinRun, Versions } from "./run.ts";
import { startTwin, type TwinOptions, versionsOf } from "./twin.ts";

/** How long one step may take, in milliseconds. A twin that hangs is then ended with its Orthanc. */
const STEP_LIMIT = 90_000;
/** How long one answer's body and the log of one twin may be, in bytes. */
const OUTPUT_LIMIT = 1_000_000;

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
 * @returns what was seen; `stopped` settles when that Orthanc is gone, which takes seconds in which it only waits
 * @throws PlayError where a step has no answer, or more is printed or answered than 1 MB; StartError where the
 * twin does not start; the signal's reason where it was aborted. The Orthanc is gone then.
 */
export async function playTwin(
  example: Example,
  twin: Twin,
  options: PlayOptions = {},
): Promise<{ run: TwinRun; versions: Versions; stopped: Promise<void> }> {
  const { report = () => {}, stepLimit = STEP_LIMIT } = options;
  const start = performance.now();
  const orthanc = await startTwin(example, twin, options);
  report({ type: "started", milliseconds: Math.round(performance.now() - start) });

  const over = abortedWith(options.signal);
  const { signal } = over;
  // Without the log's limit, a run can't go on.
  const followed = followLog(orthanc, report, over).catch((error) => over.abort(error));
  try {
    const names = await instanceNames(orthanc, example);
    const steps: StepRun[] = [];
    for (const step of example.steps) {
      steps.push(await playStep(orthanc, { example, step, names, signal, report, stepLimit }));
    }
    const versions = await versionsOf(orthanc);
    const stopped = orthanc.stop().then(() => followed);
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

/**
 * A controller that is aborted along with a signal. `AbortSignal.any` can't be relied on: under some releases of Node
 * that we support, it loses an abort if one of its signals is only referred to by it (nodejs/node issues 57736, seen
 * on 20, and 65995, seen on 24).
 */
function abortedWith(signal?: AbortSignal): AbortController {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return controller;
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
  orthanc.ended.finally(() => ended.abort()).catch(() => {});
  // A run may be over before the first pause is.
  await reportNew();
  try {
    for await (const _ of ticks(200, undefined, { signal: ended.signal })) {
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

/** The Orthanc ids of an example's files, by the names that stand for them in paths. */
async function instanceNames(orthanc: Orthanc, example: Example): Promise<Map<string, string>> {
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

interface StepOptions {
  example: Example;
  step: Step;
  names: Map<string, string>;
  signal: AbortSignal;
  stepLimit: number;
  report: (progress: Progress) => void;
}

async function playStep(orthanc: Orthanc, options: StepOptions): Promise<StepRun> {
  const { example, step, names, report, stepLimit } = options;
  const target = step.path.replace(/\{([^}]+)\}/g, (whole, name) => {
    const value = names.get(name);
    if (value === undefined)
      throw new PlayError(`Step "${step.name}": nothing is known as ${whole}.`);
    return value;
  });
  const body = step.body === undefined ? undefined : JSON.stringify(step.body);
  const { name, method, comparedWith } = step;
  const request = { name, method, path: target, ...(body && { body }), comparedWith };
  report({ type: "step", request, count: step.calls });

  const over = abortedWith(options.signal);
  const { signal } = over;
  const tooLong = new Error(`it takes longer than ${stepLimit / 1000} seconds`);
  const limit = setTimeout(() => over.abort(tooLong), stepLimit);
  const start = performance.now();
  const call = async (): Promise<Call> => {
    for (;;) {
      const startedAt = performance.now() - start;
      const response = await orthanc.request(target, { method, body, signal });
      const text = await bodyOf(response);
      if (!step.until || hasMembers(text, step.until)) {
        const worked = example.worked && new RegExp(example.worked).exec(text)?.[1];
        const call: Call = {
          startedAt: Math.round(startedAt),
          endedAt: Math.round(performance.now() - start),
          ...(worked && { worked: Math.round(1000 * Number(worked)) }),
          status: response.status,
          contentType: response.headers.get("content-type")?.split(";")[0] ?? "",
          body: text,
        };
        report({ type: "call", call });
        return call;
      }
      await sleep(200, undefined, { signal });
    }
  };

  let calls: Call[];
  try {
    calls = await Promise.all(Array.from({ length: step.calls }, call));
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    const log = (await orthanc.log()).split("\n").slice(-20).join("\n");
    throw new PlayError(
      `Step "${name}": ${method} ${target} has no answer (${cause}). The end of the log:\n${log}`,
    );
  } finally {
    clearTimeout(limit);
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

async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > OUTPUT_LIMIT) {
      throw new Error(`its body has more than ${OUTPUT_LIMIT.toLocaleString("en-GB")} bytes`);
    }
  }
  return Buffer.concat(chunks).toString();
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
