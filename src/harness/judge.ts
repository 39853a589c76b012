/** Judges runs: against what the example expects, against the other twin, against the record. */
import { availableParallelism } from "node:os";
import { formatCount } from "../format/numbers.ts";
import type { Twin } from "../protocol/programs.ts";
import type { Answer, Call, StepRun, TwinRun } from "../protocol/run.ts";
import { OUTPUT_LIMIT } from "./answer.ts";
import type { Example, Mask, Step } from "./example.ts";

/**
 * The minimum time of serial calls, relative to that many single calls. Parallel calls on two cores take half of that
 * time; the boundary leaves room for other load on the machine.
 */
const SERIAL = 0.8;
const IF_BUSY = ". Times mean little on a busy machine: if this one was, play it again";

/** Observations of a twin when its run is over. */
export interface Ending {
  twin: Twin;
  /** The end of Orthanc after it was asked to stop, such as `exit code 0`. */
  how: string;
  /** The whole log, without secrets. */
  log: string;
  /** The log contained a password or a token. */
  secretInLog: boolean;
  /** The listeners on other ports than Orthanc's own two, before it was asked to stop. */
  listeners: string[];
  /** The processes and files that were left when Orthanc had ended. */
  left: string[];
}

/** The answers to one variation of a step's request. */
export interface VariedAnswer {
  step: string;
  /** Such as `with a query string`. */
  variation: string;
  /** The request's first line, shortened. */
  request: string;
  /** The answer while no other request was running. */
  alone: Answer;
  /** The answer while others were running; undefined if it was not sent again. */
  amongOthers?: Answer;
}

/** The answers of one twin to all variations of an example's requests. */
export interface VariedRun {
  twin: Twin;
  answers: VariedAnswer[];
}

/** The problems, a sentence each, and what could not be judged, with the reason. */
export interface Verdict {
  problems: string[];
  /** The problems that a busy machine may have caused. */
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
      const concurrency = judgeConcurrency(step, played, run);
      if (concurrency.skipped) skipped.push(`${where}: ${concurrency.skipped}`);
      if (concurrency.problem) problems.push(`${where}: ${concurrency.problem}`);
      if (concurrency.timing) timing.push(`${where}: ${concurrency.timing}${IF_BUSY}`);
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
  const body = maskBody(call, example.masks);
  if (expect.body !== undefined && body !== normalize(expect.body, call.contentType)) {
    problems.push(`body ${body} instead of ${expect.body}`);
  }
  return problems;
}

function judgeConcurrency(step: Step, played: StepRun, run: TwinRun) {
  const single = run.steps.find((other) => other.name === step.comparedWith);
  if (single?.calls.length !== 1) {
    return { problem: `there is no step "${step.comparedWith}" of one call to compare with` };
  }
  const ratio = wallTime(played) / (wallTime(single) * step.calls);
  const found = `${step.calls} calls took ${ratio.toFixed(2)} of the time of ${step.calls} single calls`;
  if (step.expect.together === "in turn")
    return ratio >= SERIAL ? {} : { timing: `${found}: not in turn` };
  if (availableParallelism() < 2) {
    return { skipped: `${found}: this machine has one core, so nothing runs side by side` };
  }
  return ratio < SERIAL ? {} : { timing: `${found}: not side by side` };
}

/** The time from the start of the first call to the end of the last one, in milliseconds. */
export function wallTime(step: StepRun): number {
  const start = Math.min(...step.calls.map((call) => call.startedAt));
  return Math.max(...step.calls.map((call) => call.endedAt)) - start;
}

/** Compares two runs of an example, such as those of its twins, or a record and a new run: a sentence each. */
export function differences(example: Example, one: TwinRun, other: TwinRun): string[] {
  const found: string[] = [];
  for (const [index, step] of example.steps.entries()) {
    const count = Math.max(
      one.steps[index]?.calls.length ?? 0,
      other.steps[index]?.calls.length ?? 0,
    );
    for (let call = 0; call < count; call++) {
      const [left, right] = [one, other].map((run) => run.steps[index]?.calls[call]);
      for (const difference of answerDifferences(left, right, example.masks)) {
        found.push(`${example.id}, "${step.name}", call ${call + 1}: ${difference}`);
      }
    }
  }
  return found;
}

/** Compares two answers: `status 200 and 404`, and so on. */
function answerDifferences(
  one: Answer | undefined,
  other: Answer | undefined,
  masks: Mask[],
): string[] {
  const names = Object.keys({ ...one?.headers, ...other?.headers }).sort();
  const pairs: [string, unknown, unknown][] = [
    ["status", one?.status, other?.status],
    ["content type", one?.contentType, other?.contentType],
    ["body", one && maskBody(one, masks), other && maskBody(other, masks)],
    ...names.map((name): [string, unknown, unknown] => [
      `header ${name}`,
      one?.headers?.[name],
      other?.headers?.[name],
    ]),
  ];
  return pairs
    .filter(([, ours, theirs]) => ours !== theirs)
    .map(([what, ours, theirs]) => `${what} ${shorten(ours)} and ${shorten(theirs)}`);
}

/** The maximum length of a value in a sentence, in characters. */
const EXCERPT = 1_000;

function shorten(value: unknown): string {
  const text = String(value);
  return text.length <= EXCERPT ? text : `${text.slice(0, EXCERPT)}…`;
}

/**
 * Compares the answers of both twins to the variations of an example's requests.
 * @returns a sentence for each difference that the example does not declare, for each declared one that does not
 * occur, and for each answer that depends on other requests at the same time
 */
export function judgeVariations(example: Example, one: VariedRun, other: VariedRun): string[] {
  const { differences } = example.variations;
  const occurred = new Set<object>();
  const unexpected: [VariedAnswer, string][] = [];
  const problems: string[] = [];
  for (const [index, ours] of one.answers.entries()) {
    const theirs = other.answers[index];
    if (theirs?.step !== ours.step || theirs.variation !== ours.variation) {
      problems.push(`${label(example, ours)}: the other twin did not get this request`);
      continue;
    }
    const found = answerDifferences(ours.alone, theirs.alone, example.masks);
    const declared = differences.filter(
      ({ step = ours.step, variation }) => variation === ours.variation && step === ours.step,
    );
    if (found.length === 0) continue;
    for (const difference of declared) occurred.add(difference);
    if (declared.length === 0) unexpected.push([ours, found.join(", ")]);
  }
  // One error shows in the variations of many steps: a sentence for each variation is enough.
  for (const [name, same] of groupBy(unexpected, ([{ variation }]) => variation)) {
    const [[first, found] = []] = same;
    if (!first) continue;
    const others = same.slice(1).map(([{ step }]) => `"${step}"`);
    const more = others.length > 0 ? `; also ${others.join(", ")} ${name}` : "";
    problems.push(`${label(example, first)}: ${found}${more}`);
  }
  if (other.answers.length > one.answers.length)
    problems.push(`${example.id}: ${one.twin} got fewer requests than ${other.twin}`);
  for (const { twin, answers } of [one, other]) {
    for (const varied of answers) {
      const { alone, amongOthers } = varied;
      const where = `${label(example, varied)}, ${twin}`;
      if (alone.secret || amongOthers?.secret)
        problems.push(`${where}: a password or a token is in the answer`);
      const found = amongOthers ? answerDifferences(alone, amongOthers, example.masks) : [];
      if (found.length > 0)
        problems.push(`${where}, alone and while others are asked: ${found.join(", ")}`);
    }
  }
  for (const difference of differences) {
    if (occurred.has(difference)) continue;
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

function label({ id }: Example, { step, variation, request }: VariedAnswer): string {
  return `${id}, "${step}" ${variation} (${request})`;
}

/** Judges the end of a twin's run: a sentence for each problem. */
export function judgeEnding({ id }: Pick<Example, "id">, ending: Ending): string[] {
  const { twin, how, log, secretInLog, listeners, left } = ending;
  const problems: string[] = [];
  if (how === "SIGKILL") problems.push("Orthanc did not stop when it was asked to, and was killed");
  else if (how !== "exit code 0") problems.push(`Orthanc did not stop as it should: ${how}`);
  const lines = log.split("\n");
  const first = (pattern: RegExp) => lines.find((line) => pattern.test(line));
  const crash = first(/Node has ended \(.*\), next start/);
  if (crash) problems.push(`Node ended while it was needed: ${crash}`);
  const unresponsive = first(/Node has not ended within .* is killed/);
  if (unresponsive) problems.push(`Node did not stop when it was asked to: ${unresponsive}`);
  if (first(/^Traceback \(most recent call last\)/))
    problems.push(
      `an exception was not caught:\n${log.slice(log.indexOf("Traceback (")).slice(0, EXCERPT)}`,
    );
  if (log.length > OUTPUT_LIMIT)
    problems.push(`more than ${formatCount(OUTPUT_LIMIT)} bytes were logged`);
  if (secretInLog) problems.push("a password or a token is in the log");
  problems.push(...listeners, ...left.map((what) => `it has left behind: ${what}`));
  return problems.map((problem) => `${id}, ${twin}, in the end: ${problem}`);
}

/** Applies the masks to an answer's body; JSON is normalized first: its spaces and the order of its members. */
export function maskBody(answer: Answer, masks: Mask[]): string {
  return masks.reduce(
    (text, mask) => text.replace(new RegExp(mask.pattern, "g"), mask.replacement),
    normalize(answer.body, answer.contentType),
  );
}

function normalize(body: string, contentType: string): string {
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
