/** Judges runs by what their scenario expects: pure functions, observations in, problems out. */
import { availableParallelism } from "node:os";
import { findProgram, type Program, type Scenario } from "../catalogue/catalogue.ts";
import type { RequestStep, RestartStep, SignalStep, Step } from "../catalogue/scenario.ts";
import { formatCount } from "../format/numbers.ts";
import { describeOutcome, describeStart } from "../format/outcomes.ts";
import type { Call, Outcome, ProgramRun, StartOutcome, StepRun } from "../protocol/run.ts";
import { OUTPUT_LIMIT } from "./answer.ts";
import { EXCERPT, maskBody, normalize, shorten } from "./compare.ts";
import { findLine } from "./log.ts";

/**
 * The minimum time of serial calls, relative to that many single calls. Parallel calls on two cores take half of that
 * time; the boundary leaves room for other load on the machine.
 */
const SERIAL = 0.8;
/** The end of an Orthanc that has crashed: by a signal, or with an exit code other than 0. */
const CRASH = /^(SIG\w+|exit code (?!0$).+)$/;
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
  const { outcome } = played;
  const asExpected =
    expect.noAnswer === undefined
      ? outcome?.type === "crashed" && CRASH.test(outcome.how)
      : outcome?.type === "no answer";
  if (asExpected) return undefined;
  const [answer] = played.calls;
  const observed = answer
    ? `status ${answer.status}; the body: ${shorten(answer.body)}.`
    : describe(outcome);
  const expected =
    expect.noAnswer === undefined
      ? `Orthanc was expected to crash within ${expect.endsOrthanc} seconds`
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

/** Judges the end of a program's run: a sentence for each problem. */
export function judgeEnding(
  scenario: Scenario,
  run: Pick<ProgramRun, "program" | "skipped" | "start">,
  ending: Ending,
): string[] {
  if (run.skipped) return [];
  const program = findProgram(scenario, run.program);
  const asExpected = judgeStart(program, run.start) === undefined;
  // What the log lacks after an unexpected start follows from that start.
  const ofLog = asExpected
    ? judgeLog(program, ending.log)
    : [`its start was not as expected. The end of its log:\n${ending.log.slice(-EXCERPT)}`];
  const problems = [...ofLog, ...judgeStop(ending)];
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
