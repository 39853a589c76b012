/** Plays an example's steps on a running twin and notes what it answers. */

import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import dicomParser from "dicom-parser";
import type { Orthanc } from "../orthanc/server.ts";
import type { Example, Step, Twin } from "./example.ts";
import type { Call, StepRun, TwinRun, Versions } from "./run.ts";
import { startTwin, versionsOf } from "./twin.ts";

/** How long one step may take, in milliseconds. A twin that hangs is then ended with its Orthanc. */
const STEP_LIMIT = 90_000;

/** A step could not be played: which one, and why. */
export class PlayError extends Error {
  override name = "PlayError";
}

/**
 * Plays all steps of an example on one of its twins, on a fresh Orthanc, which is gone afterwards.
 * @param report is told of each step when it has been played
 * @throws PlayError where a step has no answer; StartError where the twin does not start
 */
export async function playTwin(
  example: Example,
  twin: Twin,
  report: (step: StepRun) => void = () => {},
): Promise<{ run: TwinRun; versions: Versions }> {
  const orthanc = await startTwin(example, twin);
  try {
    const names = await instanceNames(orthanc, example);
    const steps: StepRun[] = [];
    for (const step of example.steps) {
      const played = await playStep(orthanc, step, names);
      steps.push(played);
      report(played);
    }
    return { run: { twin, steps }, versions: await versionsOf(orthanc) };
  } finally {
    await orthanc.stop();
  }
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

async function playStep(orthanc: Orthanc, step: Step, names: Map<string, string>) {
  const target = step.path.replace(/\{([^}]+)\}/g, (whole, name) => {
    const value = names.get(name);
    if (value === undefined)
      throw new PlayError(`Step "${step.name}": nothing is known as ${whole}.`);
    return value;
  });
  const body = step.body === undefined ? undefined : JSON.stringify(step.body);
  const signal = AbortSignal.timeout(STEP_LIMIT);
  const start = performance.now();

  const call = async (): Promise<Call> => {
    for (;;) {
      const startedAt = performance.now() - start;
      const response = await orthanc.request(target, { method: step.method, body, signal });
      const text = await response.text();
      const call = {
        startedAt: Math.round(startedAt),
        endedAt: Math.round(performance.now() - start),
        status: response.status,
        contentType: response.headers.get("content-type")?.split(";")[0] ?? "",
        body: text,
      };
      if (!step.until || hasMembers(text, step.until)) return call;
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
      `Step "${step.name}": ${step.method} ${target} has no answer (${cause}). The end of the log:\n${log}`,
    );
  }
  for (const [name, member] of Object.entries(step.capture ?? {})) {
    const value = (JSON.parse(calls[0]?.body ?? "") as Record<string, unknown>)[member];
    if (value === undefined) {
      throw new PlayError(`Step "${step.name}": the answer has no "${member}": ${calls[0]?.body}`);
    }
    names.set(name, String(value));
  }
  return { name: step.name, method: step.method, path: target, ...(body && { body }), calls };
}

function hasMembers(text: string, members: Record<string, unknown>): boolean {
  const json = JSON.parse(text) as Record<string, unknown>;
  return Object.entries(members).every(([name, value]) => json[name] === value);
}
