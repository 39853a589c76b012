/** A run as text for a terminal. */

import type { SeenServer } from "./access.ts";
import { wallTime } from "./judge.ts";
import type { SeenProgram } from "./provoke.ts";
import type { StepRun, TwinRun } from "./run.ts";

/** A step's request and answers, one line each, with the bodies indented below. */
export function stepTranscript(step: StepRun): string {
  const times = step.calls.length > 1 ? `  (${step.calls.length} calls at once)` : "";
  const lines = [`${step.name}`, `  > ${step.method} ${step.path}${times}`];
  if (step.body) lines.push(`    ${step.body}`);
  for (const call of step.calls) {
    const duration = ((call.endedAt - call.startedAt) / 1000).toFixed(2);
    lines.push(`  < ${call.status} ${call.contentType || "(no content type)"} after ${duration} s`);
    for (const line of call.body.trimEnd().split("\n").filter(Boolean)) lines.push(`    ${line}`);
  }
  if (step.calls.length > 1) lines.push(`  all after ${(wallTime(step) / 1000).toFixed(2)} s`);
  return lines.join("\n");
}

/** A whole run of one twin. */
export function transcript(run: TwinRun): string {
  return [`== ${run.twin} ==`, ...run.steps.map(stepTranscript)].join("\n\n");
}

/** What was seen of one program of a hazard. */
export function hazardTranscript({ kind, twin, start, steps, log }: SeenProgram): string {
  const lines = [`== ${kind}, ${twin} ==`, start];
  for (const { name, done, seen, milliseconds } of steps) {
    lines.push(name, `  > ${done}`, `  < ${seen} (${(milliseconds / 1000).toFixed(2)} s)`);
  }
  return [...lines, ...log.map((line) => `log: ${line}`)].join("\n");
}

/** What was seen of one Orthanc of the table of what a token opens. */
export function accessTranscript({ title, rows }: SeenServer): string {
  const lines = rows.map(({ sent, statuses }) => `  ${sent}: ${statuses.join(", ") || "skipped"}`);
  return [`== ${title} ==`, ...lines].join("\n");
}
