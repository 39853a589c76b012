/** Judges runs: against what the example expects, against the other twin, against the record. */
import { availableParallelism } from "node:os";
import type { Example, Mask, Step } from "./example.ts";
import type { Call, StepRun, TwinRun } from "./run.ts";

/**
 * Calls in turn take about as long as that many single calls, calls side by side on two cores half of that. The
 * boundary leaves room for a machine that does other things, too.
 */
const IN_TURN = 0.8;
const IF_BUSY = ". Times tell little where the machine is busy: if it was, play it again";

/** What was found: each problem in a sentence, and what could not be looked at, with its reason. */
export interface Verdict {
  problems: string[];
  skipped: string[];
}

/** Checks one twin's run against what the example's steps expect. */
export function judgeRun(example: Example, run: TwinRun): Verdict {
  const problems: string[] = [];
  const skipped: string[] = [];
  for (const [index, step] of example.steps.entries()) {
    const where = `${example.id}, ${run.twin}, "${step.name}"`;
    const played = run.steps[index];
    if (!played || played.calls.length !== step.calls) {
      problems.push(`${where}: ${played?.calls.length ?? 0} of ${step.calls} calls were played`);
      continue;
    }
    for (const call of played.calls) {
      problems.push(...judgeCall(example, step, call).map((problem) => `${where}: ${problem}`));
    }
    if (step.expect.together) {
      const together = judgeTogether(step, played, run);
      if (together.skipped) skipped.push(`${where}: ${together.skipped}`);
      if (together.problem) problems.push(`${where}: ${together.problem}`);
    }
  }
  return { problems, skipped };
}

function judgeCall(example: Example, { expect }: Step, call: Call): string[] {
  const problems: string[] = [];
  if (call.status !== expect.status) {
    problems.push(`status ${call.status} instead of ${expect.status}; the body: ${call.body}`);
  }
  if (expect.contentType !== undefined && call.contentType !== expect.contentType) {
    problems.push(`content type "${call.contentType}" instead of "${expect.contentType}"`);
  }
  const body = masked(call, example.masks);
  if (expect.body !== undefined && body !== canonical(expect.body, call.contentType)) {
    problems.push(`body ${body} instead of ${expect.body}`);
  }
  return problems;
}

function judgeTogether(step: Step, played: StepRun, run: TwinRun) {
  const single = run.steps.find((other) => other.name === step.comparedWith);
  if (single?.calls.length !== 1) {
    return { problem: `there is no step "${step.comparedWith}" of one call to compare with` };
  }
  const ratio = wallTime(played) / (wallTime(single) * step.calls);
  const found = `${step.calls} calls took ${ratio.toFixed(2)} of the time of ${step.calls} single calls`;
  if (step.expect.together === "in turn")
    return ratio >= IN_TURN ? {} : { problem: `${found}: not in turn${IF_BUSY}` };
  if (availableParallelism() < 2) {
    return { skipped: `${found}: this machine has one core, so nothing runs side by side` };
  }
  return ratio < IN_TURN ? {} : { problem: `${found}: not side by side${IF_BUSY}` };
}

/** From the first call's start to the last one's end, in milliseconds. */
export function wallTime(step: StepRun): number {
  const start = Math.min(...step.calls.map((call) => call.startedAt));
  return Math.max(...step.calls.map((call) => call.endedAt)) - start;
}

/** Compares two runs of an example, such as its twins' or a record and a new one: a sentence a difference. */
export function differences(example: Example, one: TwinRun, other: TwinRun): string[] {
  const found: string[] = [];
  for (const [index, step] of example.steps.entries()) {
    const count = Math.max(
      one.steps[index]?.calls.length ?? 0,
      other.steps[index]?.calls.length ?? 0,
    );
    for (let call = 0; call < count; call++) {
      const [left, right] = [one, other].map((run) => run.steps[index]?.calls[call]);
      for (const [what, ours, theirs] of [
        ["status", left?.status, right?.status],
        ["content type", left?.contentType, right?.contentType],
        ["body", left && masked(left, example.masks), right && masked(right, example.masks)],
      ]) {
        if (ours === theirs) continue;
        found.push(
          `${example.id}, "${step.name}", call ${call + 1}: ${what} ${ours} and ${theirs}`,
        );
      }
    }
  }
  return found;
}

/** A call's body with the masks applied; JSON in one form, whatever its spaces and the order of its members. */
export function masked(call: Call, masks: Mask[]): string {
  return masks.reduce(
    (text, mask) => text.replace(new RegExp(mask.pattern, "g"), mask.replacement),
    canonical(call.body, call.contentType),
  );
}

function canonical(body: string, contentType: string): string {
  if (contentType !== "application/json") return body;
  try {
    return JSON.stringify(JSON.parse(body), (_, value) =>
      value && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)))
        : value,
    );
  } catch {
    return body;
  }
}
