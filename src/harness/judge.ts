/** Judges runs: against what the scenario expects, against the other twin, against the record. */
import { availableParallelism } from "node:os";
import { findProgram, type Program, type Scenario } from "../catalogue/catalogue.ts";
import type { Mask, RequestStep, RestartStep, SignalStep, Step } from "../catalogue/scenario.ts";
import { formatCount } from "../format/numbers.ts";
import { describeOutcome, describeStart } from "../format/outcomes.ts";
import type { Answer, Call, Outcome, ProgramRun, StartOutcome, StepRun } from "../protocol/run.ts";
import { OUTPUT_LIMIT } from "./answer.ts";
import { findLine } from "./log.ts";

/**
 * The minimum time of serial calls, relative to that many single calls. Parallel calls on two cores take half of that
 * time; the boundary leaves room for other load on the machine.
 */
const SERIAL = 0.8;
const IF_BUSY = ". Times mean little on a busy machine: if this one was, play it again";

/** Observations of a program when its run is over. */
export interface Ending {
  /** The end of Orthanc after it was asked to stop, such as `exit code 0`; undefined if it was not asked. */
  how?: string;
  /** The whole log, without secrets. */
  log: string;
  /** The log contained a password or a token. */
  secretInLog?: boolean;
  /** The listeners on other ports than Orthanc's own two, before it was asked to stop. */
  listeners?: string[];
  /** The processes and files that were left when Orthanc had ended. */
  left?: string[];
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

/** The answers of one twin to all variations of a scenario's requests. */
export interface VariedRun {
  program: string;
  answers: VariedAnswer[];
}

/** The problems, a sentence each, and what could not be judged, with the reason. */
export interface Verdict {
  problems: string[];
  /** The problems that a busy machine may have caused. */
  timing: string[];
  skipped: string[];
}

/** Checks a program's run against what its scenario expects. */
export function judgeRun(scenario: Scenario, run: ProgramRun): Verdict {
  const verdict: Verdict = { problems: [], timing: [], skipped: [] };
  const program = findProgram(scenario, run.program);
  const where = `${scenario.id}, ${run.program}`;
  if (run.skipped) {
    verdict.skipped.push(`${where}: ${run.skipped}`);
    return verdict;
  }
  const start = judgeStart(program, run.start);
  if (start) verdict.problems.push(`${where}: ${start}`);
  if (start || run.start.type !== "answers") return verdict;
  for (const [index, step] of program.steps.entries()) {
    const place = step.do === "request" && step.credential ? `${step.credential}: ` : "";
    const prefix = `${where}, "${place}${step.name}": `;
    const found = judgeStep(scenario, step, run.steps[index], run);
    verdict.problems.push(...found.problems.map((problem) => prefix + problem));
    verdict.timing.push(...found.timing.map((problem) => prefix + problem + IF_BUSY));
    verdict.skipped.push(...found.skipped.map((reason) => prefix + reason));
  }
  verdict.problems.push(...verdict.timing);
  return verdict;
}

function judgeStart({ start }: Pick<Program, "start">, observed: StartOutcome): string | undefined {
  const expected = start === "answers" ? "answers" : "fails" in start ? "fails" : "hangs";
  if (observed.type === expected) return undefined;
  const wanted = {
    answers: "start",
    fails: "end while it starts",
    hangs: "hang while it starts",
  };
  return `${describeStart(observed)} It was expected to ${wanted[expected]}.`;
}

function judgeStep(
  scenario: Scenario,
  step: Step,
  played: StepRun | undefined,
  run: ProgramRun,
): Verdict {
  const verdict: Verdict = { problems: [], timing: [], skipped: [] };
  if (!played) {
    verdict.problems.push("was not played");
  } else if (step.do !== "request") {
    const problem = judgeOutcome(step, played.outcome);
    if (problem) verdict.problems.push(problem);
  } else if (step.expect.status === undefined) {
    const problem = judgeMissingAnswer(step, played);
    if (problem) verdict.problems.push(problem);
  } else if (played.calls.length !== step.calls) {
    verdict.problems.push(`${played.calls.length} of ${step.calls} calls were answered`);
  } else {
    verdict.problems.push(...played.calls.flatMap((call) => judgeCall(scenario, step, call)));
    if (step.expect.concurrency) judgeConcurrency(step, played, run, verdict);
  }
  return verdict;
}

function judgeCall({ masks }: Pick<Scenario, "masks">, step: RequestStep, call: Call): string[] {
  const { status, contentType, body, matches } = step.expect;
  const problems: string[] = [];
  if (call.status !== status) {
    problems.push(`status ${call.status} instead of ${status}; the body: ${call.body}`);
  }
  if (contentType !== undefined && call.contentType !== contentType) {
    problems.push(`content type "${call.contentType}" instead of "${contentType}"`);
  }
  if (call.secret) problems.push("a password or a token is in the answer");
  const masked = maskBody(call, masks);
  if (body !== undefined && masked !== normalize(body, call.contentType)) {
    problems.push(`body ${masked} instead of ${body}`);
  }
  if (matches !== undefined && !new RegExp(matches).test(call.body.trim())) {
    problems.push(`body ${shorten(call.body)} does not match ${matches}`);
  }
  return problems;
}

/** Judges a request that must not be answered. */
function judgeMissingAnswer({ expect }: RequestStep, played: StepRun): string | undefined {
  const wanted = expect.noAnswer === undefined ? "crashed" : "no answer";
  if (played.outcome?.type === wanted) return undefined;
  const [answer] = played.calls;
  const observed = answer
    ? `status ${answer.status}; the body: ${shorten(answer.body)}.`
    : describe(played.outcome);
  const expected =
    wanted === "crashed"
      ? `Orthanc was expected to end within ${expect.endsOrthanc} seconds`
      : `no answer was expected within ${expect.noAnswer} seconds`;
  return `${observed} But ${expected}`;
}

/** Judges the outcome of a signal or a restart. */
function judgeOutcome(
  step: SignalStep | RestartStep,
  outcome: Outcome | undefined,
): string | undefined {
  if (step.do === "restart") {
    const { fails } = step.expect;
    const asExpected =
      fails === undefined
        ? outcome?.type === "restarted"
        : outcome?.type === "not restarted" && outcome.log !== undefined;
    const wanted = fails === undefined ? "to start again" : `to fail with ${fails}`;
    return asExpected ? undefined : `${describe(outcome)} Orthanc was expected ${wanted}`;
  }
  const { ends, runs } = step.expect ?? {};
  if (ends === undefined && runs === undefined) {
    const reached = outcome?.type === "signalled" && outcome.processes > 0;
    return reached ? undefined : `${describe(outcome)} There was no process to receive the signal`;
  }
  const wanted = ends === undefined ? "running" : "ended";
  if (outcome?.type === wanted) return undefined;
  const expected =
    ends === undefined ? `be running after ${runs} seconds` : `end within ${ends} seconds`;
  return `${describe(outcome)} It was expected to ${expected}`;
}

function describe(outcome: Outcome | undefined): string {
  return outcome ? describeOutcome(outcome) : "There is no outcome.";
}

function judgeConcurrency(
  step: RequestStep,
  played: StepRun,
  run: ProgramRun,
  { problems, timing, skipped }: Verdict,
): void {
  const single = run.steps.find((other) => other.name === step.baseline);
  if (single?.calls.length !== 1) {
    problems.push(`there is no step "${step.baseline}" of one call to compare with`);
    return;
  }
  const ratio = wallTime(played) / (wallTime(single) * step.calls);
  const found = `${step.calls} calls took ${ratio.toFixed(2)} of the time of ${step.calls} single calls`;
  if (step.expect.concurrency === "serial") {
    if (ratio < SERIAL) timing.push(`${found}: not serial`);
  } else if (availableParallelism() < 2) {
    skipped.push(`${found}: this machine has one core, so nothing runs in parallel`);
  } else if (ratio >= SERIAL) {
    timing.push(`${found}: not parallel`);
  }
}

/** The time from the start of the first call to the end of the last one, in milliseconds. */
export function wallTime(step: StepRun): number {
  const start = Math.min(...step.calls.map((call) => call.startedAt));
  return Math.max(...step.calls.map((call) => call.endedAt)) - start;
}

/**
 * Compares two runs of a scenario, such as those of its twins, or a record and a new run: a sentence for each
 * difference. Times and numbers of processes may differ. A run that was skipped has no differences.
 */
export function differences(scenario: Scenario, one: ProgramRun, other: ProgramRun): string[] {
  if (one.skipped || other.skipped) return [];
  const found: string[] = [];
  const note = (where: string, ours: unknown, theirs: unknown) => {
    if (ours !== theirs) found.push(`${where}: ${ours} and ${theirs}`);
  };
  note(`${scenario.id}, start`, one.start.type, other.start.type);
  for (let index = 0; index < Math.max(one.steps.length, other.steps.length); index++) {
    const [left, right] = [one.steps[index], other.steps[index]];
    const where = `${scenario.id}, "${left?.name ?? right?.name}"`;
    note(where, left?.outcome?.type, right?.outcome?.type);
    const count = Math.max(left?.calls.length ?? 0, right?.calls.length ?? 0);
    for (let call = 0; call < count; call++) {
      const answers = [left?.calls[call], right?.calls[call]] as const;
      for (const difference of answerDifferences(...answers, scenario.masks)) {
        found.push(`${where}, call ${call + 1}: ${difference}`);
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
 * Compares the answers of both twins to the variations of a scenario's requests.
 * @returns a sentence for each difference that the scenario does not declare, for each declared one that does not
 * occur, and for each answer that depends on other requests at the same time
 */
export function judgeVariations(scenario: Scenario, one: VariedRun, other: VariedRun): string[] {
  const { differences } = scenario.variations;
  const occurred = new Set<object>();
  const unexpected: [VariedAnswer, string][] = [];
  const problems: string[] = [];
  for (const [index, ours] of one.answers.entries()) {
    const theirs = other.answers[index];
    if (theirs?.step !== ours.step || theirs.variation !== ours.variation) {
      problems.push(`${label(scenario, ours)}: the other twin did not get this request`);
      continue;
    }
    const found = answerDifferences(ours.alone, theirs.alone, scenario.masks);
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
    problems.push(`${label(scenario, first)}: ${found}${more}`);
  }
  if (other.answers.length > one.answers.length)
    problems.push(`${scenario.id}: ${one.program} got fewer requests than ${other.program}`);
  for (const { program, answers } of [one, other]) {
    for (const varied of answers) {
      const { alone, amongOthers } = varied;
      const where = `${label(scenario, varied)}, ${program}`;
      if (alone.secret || amongOthers?.secret)
        problems.push(`${where}: a password or a token is in the answer`);
      const found = amongOthers ? answerDifferences(alone, amongOthers, scenario.masks) : [];
      if (found.length > 0)
        problems.push(`${where}, alone and while others are asked: ${found.join(", ")}`);
    }
  }
  for (const difference of differences) {
    if (occurred.has(difference)) continue;
    const where = difference.step ? `"${difference.step}" ` : "";
    problems.push(
      `${scenario.id}, ${where}${difference.variation}: both twins give the same answer, ` +
        `so scenario.json must not say that they differ`,
    );
  }
  return problems;
}

function groupBy<Item>(items: Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function label({ id }: Scenario, { step, variation, request }: VariedAnswer): string {
  return `${id}, "${step}" ${variation} (${request})`;
}

/** Judges the end of a program's run: a sentence for each problem. */
export function judgeEnding(
  scenario: Scenario,
  run: Pick<ProgramRun, "program" | "skipped">,
  ending: Ending,
): string[] {
  if (run.skipped) return [];
  const program = findProgram(scenario, run.program);
  const problems = [...judgeLog(program, ending.log), ...judgeStop(ending)];
  if (ending.secretInLog) problems.push("a password or a token is in the log");
  return problems.map((problem) => `${scenario.id}, ${run.program}, in the end: ${problem}`);
}

function judgeLog({ start, log: expected, notInLog }: Program, log: string): string[] {
  const patterns = typeof start === "object" && "fails" in start ? [start.fails] : [];
  const missing = [...patterns, ...expected].filter(
    (pattern) => findLine(log, pattern) === undefined,
  );
  const end = log.slice(-EXCERPT);
  return [
    ...missing.map((pattern) => `the log has no match for ${pattern}. Its end:\n${end}`),
    ...notInLog.flatMap((pattern) => {
      const found = findLine(log, pattern);
      return found === undefined ? [] : [`the log contains ${JSON.stringify(found)}`];
    }),
  ];
}

/** Judges an Orthanc that was asked to stop. */
function judgeStop({ how, log, listeners = [], left = [] }: Ending): string[] {
  if (how === undefined) return [];
  const problems: string[] = [];
  if (how === "SIGKILL") problems.push("Orthanc did not stop when it was asked to, and was killed");
  else if (how !== "exit code 0") problems.push(`Orthanc did not stop as it should: ${how}`);
  const crash = findLine(log, "^.*Node has ended \\(.*\\), next start.*");
  if (crash) problems.push(`Node ended while it was needed: ${crash}`);
  const unresponsive = findLine(log, "^.*Node has not ended within .* is killed.*");
  if (unresponsive) problems.push(`Node did not stop when it was asked to: ${unresponsive}`);
  if (findLine(log, "^Traceback \\(most recent call last\\)")) {
    problems.push(
      `an exception was not caught:\n${log.slice(log.indexOf("Traceback (")).slice(0, EXCERPT)}`,
    );
  }
  if (log.length > OUTPUT_LIMIT) {
    problems.push(`more than ${formatCount(OUTPUT_LIMIT)} bytes were logged`);
  }
  return [...problems, ...listeners, ...left.map((what) => `it has left behind: ${what}`)];
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
