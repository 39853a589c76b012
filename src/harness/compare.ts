/** Compares answers: those of two runs of a scenario, and those of its twins to varied requests. */
import type { Scenario } from "../catalogue/catalogue.ts";
import type { Mask } from "../catalogue/scenario.ts";
import type { Answer, ProgramRun } from "../protocol/run.ts";

/** The maximum length of a value in a sentence, in characters. */
export const EXCERPT = 1_000;

/** Returns a value as text, shortened. */
export function shorten(value: unknown): string {
  const text = String(value);
  return text.length <= EXCERPT ? text : `${text.slice(0, EXCERPT)}…`;
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

/**
 * Compares two runs of a scenario, such as those of its twins, or a record and a new run: a sentence for each
 * difference. Times and numbers of processes may differ, and so may a body of which the scenario expects only that it
 * matches a pattern. A run that was skipped has no differences.
 */
export function differences(scenario: Scenario, one: ProgramRun, other: ProgramRun): string[] {
  if (one.skipped || other.skipped) return [];
  const found: string[] = [];
  const note = (where: string, ours: unknown, theirs: unknown) => {
    if (ours !== theirs) found.push(`${where}: ${ours} and ${theirs}`);
  };
  const { steps = [] } = scenario.programs.find(({ program }) => program === one.program) ?? {};
  note(`${scenario.id}, start`, one.start.type, other.start.type);
  for (let index = 0; index < Math.max(one.steps.length, other.steps.length); index++) {
    const [left, right] = [one.steps[index], other.steps[index]];
    const where = `${scenario.id}, "${left?.name ?? right?.name}"`;
    note(where, left?.outcome?.type, right?.outcome?.type);
    const count = Math.max(left?.calls.length ?? 0, right?.calls.length ?? 0);
    for (let call = 0; call < count; call++) {
      const step = steps[index];
      const anyBody = step?.do === "request" && step.expect.matches !== undefined;
      const compared = (answer: Answer | undefined) =>
        answer && anyBody ? { ...answer, body: "" } : answer;
      const answers = [compared(left?.calls[call]), compared(right?.calls[call])] as const;
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

/**
 * Compares the answers of both twins to the variations of a scenario's requests.
 * @returns a sentence for each difference that the scenario does not state, for each stated one that does not
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
    const stated = differences.filter(
      ({ step = ours.step, variation }) => variation === ours.variation && step === ours.step,
    );
    if (found.length === 0) continue;
    for (const difference of stated) occurred.add(difference);
    if (stated.length === 0) unexpected.push([ours, found.join(", ")]);
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

/** Applies the masks to an answer's body; JSON is normalized first: its spaces and the order of its members. */
export function maskBody(answer: Answer, masks: Mask[]): string {
  return masks.reduce(
    (text, mask) => text.replace(new RegExp(mask.pattern, "g"), mask.replacement),
    normalize(answer.body, answer.contentType),
  );
}

/** Normalizes JSON: its spaces and the order of its members. Other bodies stay as they are. */
export function normalize(body: string, contentType: string): string {
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
