/** Formats runs as text for a terminal. */

import { formatDuration } from "../format/durations.ts";
import { describeOutcome, describeStart } from "../format/outcomes.ts";
import type { ProgramRun, StepRun } from "../protocol/run.ts";
import { wallTime } from "./judge.ts";

/** Formats the whole run of one program. */
export function transcript({ program, start, steps, log, skipped }: ProgramRun): string {
  const parts = [`== ${program} ==`];
  if (skipped) parts.push(`Skipped: ${skipped}.`);
  if (start.type !== "answers") parts.push(describeStart(start));
  parts.push(...steps.map(stepTranscript), ...log.map((line) => `In the log: ${line}`));
  return parts.join("\n\n");
}

/** Formats a step: its action and the answers or the outcome, one line each, with the bodies indented below. */
export function stepTranscript(step: StepRun): string {
  const { name, action, body, credential, calls, outcome, milliseconds = 0 } = step;
  const times = calls.length > 1 ? `  (${calls.length} calls at once)` : "";
  const lines = [credential ? `${credential}: ${name}` : name, `  > ${action}${times}`];
  if (body) lines.push(`    ${body}`);
  for (const call of calls) {
    const duration = formatDuration(call.endedAt - call.startedAt);
    lines.push(`  < ${[call.status, call.contentType].join(" ").trim()} after ${duration}`);
    for (const line of call.body.trimEnd().split("\n").filter(Boolean)) lines.push(`    ${line}`);
  }
  if (calls.length > 1) lines.push(`  all after ${formatDuration(wallTime(step))}`);
  if (outcome) lines.push(`  < ${describeOutcome(outcome)} (${formatDuration(milliseconds)})`);
  return lines.join("\n");
}
