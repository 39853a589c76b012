/** Judges runs: against what the example expects, against the other twin, against the record. */
import { availableParallelism } from "node:os";
import { OUTPUT_LIMIT } from "./answer.ts";
import type { Example, Mask, Step } from "./example.ts";
import type { Answer, Call, Ending, StepRun, TwinRun, VariedAnswer, VariedRun } from "./run.ts";

/**
 * Calls in turn take about as long as that many single calls, calls side by side on two cores half of that. The
 * boundary leaves room for a machine that does other things, too.
 */
const IN_TURN = 0.8;
const IF_BUSY = ". Times tell little where the machine is busy: if it was, play it again";

/** What was found: each problem in a sentence, and what could not be looked at, with its reason. */
export interface Verdict {
  problems: string[];
  /** Those of the problems that a busy machine may have caused. */
  timing: string[];
  skipped: string[];
}

/** Checks one twin's run against what the example's steps expect. */
export function judgeRun(example: Example, run: TwinRun): Verdict {
  const problems: string[] = [];
  const timing: string[] = [];
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
      if (together.timing) timing.push(`${where}: ${together.timing}${IF_BUSY}`);
    }
  }
  return { problems: [...problems, ...timing], timing, skipped };
}

function judgeCall(example: Example, { expect }: Step, call: Call): string[] {
  const problems: string[] = [];
  if (call.status !== expect.status) {
    problems.push(`status ${call.status} instead of ${expect.status}; the body: ${call.body}`);
  }
  if (expect.contentType !== undefined && call.contentType !== expect.contentType) {
    problems.push(`content type "${call.contentType}" instead of "${expect.contentType}"`);
  }
  if (call.secret) problems.push("a password or a token is in the answer");
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
    return ratio >= IN_TURN ? {} : { timing: `${found}: not in turn` };
  if (availableParallelism() < 2) {
    return { skipped: `${found}: this machine has one core, so nothing runs side by side` };
  }
  return ratio < IN_TURN ? {} : { timing: `${found}: not side by side` };
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
      for (const difference of differing(left, right, example.masks)) {
        found.push(`${example.id}, "${step.name}", call ${call + 1}: ${difference}`);
      }
    }
  }
  return found;
}

/** What differs between two answers: `status 200 and 404`, and so on. */
function differing(one: Answer | undefined, other: Answer | undefined, masks: Mask[]): string[] {
  const names = Object.keys({ ...one?.headers, ...other?.headers }).sort();
  const pairs: [string, unknown, unknown][] = [
    ["status", one?.status, other?.status],
    ["content type", one?.contentType, other?.contentType],
    ["body", one && masked(one, masks), other && masked(other, masks)],
    ...names.map((name): [string, unknown, unknown] => [
      `header ${name}`,
      one?.headers?.[name],
      other?.headers?.[name],
    ]),
  ];
  return pairs
    .filter(([, ours, theirs]) => ours !== theirs)
    .map(([what, ours, theirs]) => `${what} ${shortened(ours)} and ${shortened(theirs)}`);
}

/** How much of a value a sentence has, in characters. */
const SHOWN = 1_000;

function shortened(value: unknown): string {
  const text = String(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

/**
 * Compares how both twins have answered the variations of an example's requests.
 * @returns a sentence for each difference that the example does not state, for each one that it states and that
 * does not happen, and for each answer that depends on what else is asked at the same time
 */
export function judgeVariations(example: Example, one: VariedRun, other: VariedRun): string[] {
  const { differences } = example.variations;
  const happened = new Set<object>();
  const undeclared: [VariedAnswer, string][] = [];
  const problems: string[] = [];
  for (const [index, ours] of one.answers.entries()) {
    const theirs = other.answers[index];
    if (theirs?.step !== ours.step || theirs.variation !== ours.variation) {
      problems.push(`${named(example, ours)}: the other twin was not asked`);
      continue;
    }
    const found = differing(ours.alone, theirs.alone, example.masks);
    const stated = differences.filter(
      ({ step = ours.step, variation }) => variation === ours.variation && step === ours.step,
    );
    if (found.length === 0) continue;
    for (const difference of stated) happened.add(difference);
    if (stated.length === 0) undeclared.push([ours, found.join(", ")]);
  }
  // One mistake shows in the variations of many steps: a sentence for each variation will do.
  for (const [name, same] of groupBy(undeclared, ([{ variation }]) => variation)) {
    const [[first, found] = []] = same;
    if (!first) continue;
    const others = same.slice(1).map(([{ step }]) => `"${step}"`);
    const more = others.length > 0 ? `; also ${others.join(", ")} ${name}` : "";
    problems.push(`${named(example, first)}: ${found}${more}`);
  }
  if (other.answers.length > one.answers.length)
    problems.push(`${example.id}: ${one.twin} was asked less than ${other.twin}`);
  for (const { twin, answers } of [one, other]) {
    for (const varied of answers) {
      const { alone, amongOthers } = varied;
      const where = `${named(example, varied)}, ${twin}`;
      if (alone.secret || amongOthers?.secret)
        problems.push(`${where}: a password or a token is in the answer`);
      const found = amongOthers ? differing(alone, amongOthers, example.masks) : [];
      if (found.length > 0)
        problems.push(`${where}, alone and while others are asked: ${found.join(", ")}`);
    }
  }
  for (const difference of differences) {
    if (happened.has(difference)) continue;
    const where = difference.step ? `"${difference.step}" ` : "";
    problems.push(
      `${example.id}, ${where}${difference.variation}: both twins give the same answer, ` +
        `so example.json must not say that they differ`,
    );
  }
  return problems;
}

function groupBy<Item>(items: Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function named({ id }: Example, { step, variation, request }: VariedAnswer): string {
  return `${id}, "${step}" ${variation} (${request})`;
}

/** Checks how a twin's run has ended: a sentence for each thing that is wrong. */
export function judgeEnding({ id }: Pick<Example, "id">, ending: Ending): string[] {
  const { twin, how, log, secretInLog, listeners, left } = ending;
  const problems: string[] = [];
  if (how === "SIGKILL") problems.push("Orthanc did not stop when it was told to, and was killed");
  else if (how !== "exit code 0") problems.push(`Orthanc did not stop as it should: ${how}`);
  const lines = log.split("\n");
  const first = (pattern: RegExp) => lines.find((line) => pattern.test(line));
  const crash = first(/Node has ended \(.*\), next start/);
  if (crash) problems.push(`Node ended while it was needed: ${crash}`);
  const deaf = first(/Node has not ended within .* is killed/);
  if (deaf) problems.push(`Node did not stop when it was told to: ${deaf}`);
  if (first(/^Traceback \(most recent call last\)/))
    problems.push(
      `an exception was not caught:\n${log.slice(log.indexOf("Traceback (")).slice(0, SHOWN)}`,
    );
  if (log.length > OUTPUT_LIMIT)
    problems.push(`more than ${OUTPUT_LIMIT.toLocaleString("en-GB")} bytes were logged`);
  if (secretInLog) problems.push("a password or a token is in the log");
  problems.push(...listeners, ...left.map((what) => `it has left behind: ${what}`));
  return problems.map((problem) => `${id}, ${twin}, in the end: ${problem}`);
}

/** An answer's body with the masks applied; JSON in one form, whatever its spaces and the order of its members. */
export function masked(answer: Answer, masks: Mask[]): string {
  return masks.reduce(
    (text, mask) => text.replace(new RegExp(mask.pattern, "g"), mask.replacement),
    canonical(answer.body, answer.contentType),
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
