/** Plays a step that sends a request, or several at once. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fetch, type Response } from "undici";
import type { RequestStep } from "../../catalogue/scenario.ts";
import type { Call, Outcome } from "../../protocol/run.ts";
import { readBody, toAnswer } from "../answer.ts";
import { credentialHeaders } from "../credentials.ts";
import { redact } from "../redact.ts";
import { PlayError, type ReportCall, type Stage } from "../stage.ts";
import { TimeLimitError, withTimeLimit } from "../timeLimit.ts";

/** The pause between two requests of a step that waits for an answer, in milliseconds. */
const INTERVAL = 200;
/** The length of the log's end in an error, in lines. */
const LOG_LINES = 20;

/** A request as it is sent. */
interface FilledRequest {
  method: string;
  /** With ids filled in. */
  target: string;
  body?: string | Uint8Array;
}

/**
 * Replaces the names in a step's path with their values.
 * @throws PlayError if a name has no value
 */
export function fillPath(
  { name: step, path }: Pick<RequestStep, "name" | "path">,
  names: Map<string, string>,
): string {
  return path.replace(/\{([^}]+)\}/g, (whole, name) => {
    const value = names.get(name);
    if (value === undefined) throw new PlayError(`Step "${step}": ${whole} has no value.`);
    return value;
  });
}

/** Returns the body that a step sends as text; undefined if it sends none, or a file. */
export function textBody({ text, body }: Partial<RequestStep>): string | undefined {
  return text ?? (body === undefined ? undefined : JSON.stringify(body));
}

/**
 * Sends a step's calls.
 * @param report receives each call when it is answered
 * @returns the answered calls in the order in which they were sent, or the outcome if there was no answer
 * @throws PlayError if a status is expected and a call has no answer in time, or an answer that is too long
 */
export async function sendRequests(
  step: RequestStep,
  stage: Stage,
  report: ReportCall,
): Promise<Call[] | Outcome> {
  const { expect, name, method, file } = step;
  const { orthanc, secrets } = stage;
  const target = fillPath(step, stage.names);
  const body = file
    ? await readFile(path.join(orthanc.installation.testFiles, file))
    : textBody(step);
  const seconds = expect.noAnswer ?? expect.endsOrthanc;
  const limit = seconds === undefined ? stage.stepLimit : 1000 * seconds;
  const sent = performance.now();
  try {
    const calls = await withTimeLimit(limit, stage.signal, (signal) =>
      sendAll(step, { method, target, body }, stage, signal, report),
    );
    capture(step, calls[0], stage.names);
    return calls;
  } catch (error) {
    stage.signal.throwIfAborted();
    if (error instanceof PlayError) throw error;
    if (expect.endsOrthanc !== undefined) return waitForCrash(stage, expect.endsOrthanc, sent);
    if (expect.noAnswer !== undefined) {
      const late = error instanceof TimeLimitError;
      return late ? { type: "no answer", seconds: expect.noAnswer } : { type: "disconnected" };
    }
    const cause = (error as Error).cause ?? error;
    const log = redact(await orthanc.log(), secrets)
      .split("\n")
      .slice(-LOG_LINES)
      .join("\n");
    throw new PlayError(
      `Step "${name}": ${method} ${target} has no answer (${cause}). The end of the log:\n${log}`,
    );
  }
}

async function sendAll(
  step: RequestStep,
  request: FilledRequest,
  stage: Stage,
  signal: AbortSignal,
  report: ReportCall,
): Promise<Call[]> {
  const start = performance.now();
  const call = async (): Promise<Call> => {
    for (;;) {
      const startedAt = performance.now() - start;
      const response = await send(step, request, stage, signal);
      const text = await readBody(response.body);
      if (!step.until || hasMembers(text, step.until)) {
        const call: Call = {
          startedAt: Math.round(startedAt),
          endedAt: Math.round(performance.now() - start),
          ...readWorkTime(text, stage.workTime),
          ...readAnswer(step, response, text, stage.secrets),
        };
        report(call);
        return call;
      }
      await sleep(INTERVAL, undefined, { signal });
    }
  };
  return Promise.all(Array.from({ length: step.calls }, call));
}

async function send(
  { credential, headers }: RequestStep,
  { method, target, body }: FilledRequest,
  stage: Stage,
  signal: AbortSignal,
): Promise<Response> {
  if (!credential) return stage.orthanc.request(target, { method, body, headers, signal });
  const all = { ...headers, ...(await credentialHeaders(credential, stage)) };
  return fetch(stage.url + target, { method, body, headers: all, signal });
}

function readAnswer(
  { statusOnly }: RequestStep,
  { status, headers }: Response,
  text: string,
  secrets: string[],
) {
  return statusOnly
    ? { status, contentType: "", body: "" }
    : toAnswer(status, headers, text, secrets);
}

function readWorkTime(text: string, pattern: string | undefined): Pick<Call, "workTime"> {
  const seconds = pattern && new RegExp(pattern).exec(text)?.[1];
  return seconds ? { workTime: Math.round(1000 * Number(seconds)) } : {};
}

/** Waits for the end of Orthanc, for so many seconds since the request was sent. */
async function waitForCrash(
  { orthanc, signal }: Stage,
  seconds: number,
  sent: number,
): Promise<Outcome> {
  const rest = Math.max(0, sent + 1000 * seconds - performance.now());
  const how = await Promise.race([orthanc.ended, sleep(rest, undefined, { ref: false, signal })]);
  return how === undefined ? { type: "running", seconds } : { type: "crashed", how };
}

/** Adds the members of an answer that later paths refer to. */
function capture(step: RequestStep, answer: Call | undefined, names: Map<string, string>): void {
  for (const [known, member] of Object.entries(step.capture ?? {})) {
    const value = parseMembers(answer?.body ?? "")[member];
    if (value === undefined) {
      throw new PlayError(`Step "${step.name}": the answer has no "${member}": ${answer?.body}`);
    }
    names.set(known, String(value));
  }
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
