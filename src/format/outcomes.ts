/** Describes in words what was observed. */
import type { Outcome, StartOutcome } from "../protocol/run.ts";

/** Describes the outcome of Orthanc's start in a sentence. */
export function describeStart(start: StartOutcome): string {
  switch (start.type) {
    case "answers":
      return "Orthanc starts.";
    case "fails":
      return "Orthanc does not start.";
    case "hangs":
      return `Orthanc has not answered after ${start.seconds} seconds.`;
  }
}

/** Describes the outcome of a step in a sentence. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.type) {
    case "no answer":
      return `No answer within ${outcome.seconds} seconds.`;
    case "disconnected":
      return "The connection ended without an answer.";
    case "crashed":
      return `No answer. Orthanc ends: ${outcome.how}.`;
    case "signalled":
      return `Sent to ${outcome.processes} ${outcome.processes === 1 ? "process" : "processes"}.`;
    case "ended":
      return "Orthanc ends.";
    case "running":
      return `Orthanc is still running after ${outcome.seconds} seconds.`;
    case "restarted":
      return "Orthanc starts again.";
    case "not restarted":
      return `Orthanc does not start again${outcome.log ? `: ${outcome.log}` : "."}`;
  }
}
