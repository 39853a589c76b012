/** Formats runs as text for a terminal. */

import { formatDuration } from "../format/durations.ts";
import type { ProgramResult, ServerResult } from "../protocol/record.ts";
import type { StepRun, TwinRun } from "../protocol/run.ts";
import { wallTime } from "./judge.ts";

/** Formats a step: its request and answers, one line each, with the bodies indented below. */
export function stepTranscript(step: StepRun): string {
  const times = step.calls.length > 1 ? `  (${step.calls.length} calls at once)` : "";
  const lines = [`${step.name}`, `  > ${step.method} ${step.path}${times}`];
  if (step.body) lines.push(`    ${step.body}`);
  for (const call of step.calls) {
    const duration = formatDuration(call.endedAt - call.startedAt);
    lines.push(`  < ${call.status} ${call.contentType || "(no content type)"} after ${duration}`);
    for (const line of call.body.trimEnd().split("\n").filter(Boolean)) lines.push(`    ${line}`);
  }
  if (step.calls.length > 1) lines.push(`  all after ${formatDuration(wallTime(step))}`);
  return lines.join("\n");
}

/** Formats the whole run of one twin. */
export function twinTranscript(run: TwinRun): string {
  return [`== ${run.twin} ==`, ...run.steps.map(stepTranscript)].join("\n\n");
}

/** Formats the result of one program of a hazard. */
export function hazardTranscript({ kind, twin, start, steps, log }: ProgramResult): string {
  const lines = [`== ${kind}, ${twin} ==`, start];
  for (const { name, done, seen, milliseconds } of steps) {
    lines.push(name, `  > ${done}`, `  < ${seen} (${formatDuration(milliseconds)})`);
  }
  return [...lines, ...log.map((line) => `log: ${line}`)].join("\n");
}

/** Formats the rows of one Orthanc in the access table. */
export function accessTableTranscript({ title, rows }: ServerResult): string {
  const lines = rows.map(({ sent, statuses }) => `  ${sent}: ${statuses.join(", ") || "skipped"}`);
  return [`== ${title} ==`, ...lines].join("\n");
}
