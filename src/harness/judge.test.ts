import { beforeEach, describe, expect, test, vi } from "vitest";
import { parseScenario, type Scenario } from "../catalogue/catalogue.ts";
import type { Answer, Call, Outcome, ProgramRun, StepRun } from "../protocol/run.ts";
import type { VariedAnswer, VariedRun } from "./compare.ts";
import { differences, judgeVariations, maskBody } from "./compare.ts";
import type { Ending } from "./judge.ts";
import { judgeEnding, judgeRun, wallTime } from "./judge.ts";

const machine = vi.hoisted(() => ({ cores: 2 }));
vi.mock("node:os", () => ({ availableParallelism: () => machine.cores }));

beforeEach(() => {
  machine.cores = 2;
});

/** An example with one step for each expectation. */
const example = (...steps: object[]) => exampleWith({}, ...steps);

function exampleWith(members: object, ...steps: object[]): Scenario {
  const text = JSON.stringify({
    summary: "It answers.",
    page: "/ping",
    routes: ["/ping"],
    steps: steps.map((step, index) => ({
      name: `step ${index + 1}`,
      path: "/ping",
      expect: { status: 200 },
      ...step,
    })),
    masks: [
      { pattern: "\\d+\\.\\d s", replacement: "… s", reason: "A duration differs each time." },
    ],
    ...members,
  });
  return { id: "ping", ...parseScenario(text, "ping", "") };
}

const call = (changed: Partial<Call> = {}): Call => ({
  startedAt: 0,
  endedAt: 100,
  status: 200,
  contentType: "text/plain",
  body: "pong\n",
  ...changed,
});

/** A run with the calls of each step. */
const run = (...steps: Call[][]): ProgramRun => ({
  program: "python",
  language: "python",
  start: { type: "answers" },
  steps: steps.map((calls, index) => ({
    name: `step ${index + 1}`,
    action: "GET /ping",
    calls,
  })),
  log: [],
});

const expected = (expectation: object) => example({ expect: { status: 200, ...expectation } });
const json = (body: string) => call({ contentType: "application/json", body });

describe("a run is judged by what its scenario expects", () => {
  const found = (ping: Scenario, ...steps: Call[][]) => judgeRun(ping, run(...steps)).problems;

  test("all is well", () => {
    const ping = expected({ contentType: "text/plain", body: "pong\n" });
    expect(judgeRun(ping, run([call()]))).toEqual({ problems: [], timing: [], skipped: [] });
  });

  test("status", () => {
    const problems = found(example({}), [call({ status: 500, body: "no" })]);
    expect(problems).toEqual(['ping, python, "step 1": status 500 instead of 200; the body: no']);
    expect(found(example({ expect: { status: 404 } }), [call({ status: 404 })])).toEqual([]);
  });

  test("content type", () => {
    const ping = expected({ contentType: "application/json" });
    expect(found(ping, [call()])).toEqual([
      'ping, python, "step 1": content type "text/plain" instead of "application/json"',
    ]);
    expect(found(ping, [json("1")])).toEqual([]);
    expect(found(expected({ contentType: "" }), [call()])).toHaveLength(1);
  });

  test("body", () => {
    const problems = found(expected({ body: "ping\n" }), [call()]);
    expect(problems).toEqual(['ping, python, "step 1": body pong\n instead of ping\n']);
    expect(found(expected({ body: "" }), [call()])).toHaveLength(1);
    expect(found(expected({ body: "" }), [call({ body: "" })])).toEqual([]);
  });

  test("body, after the masks", () => {
    const ping = expected({ body: "after … s and … s" });
    expect(found(ping, [call({ body: "after 1.5 s and 20.0 s" })])).toEqual([]);
    expect(found(ping, [call({ body: "after 1 s and 20.0 s" })])).toHaveLength(1);
  });

  test("JSON by its content, text by the letter", () => {
    const ping = expected({ body: '{"b": [2, 1], "a": {"y": 1, "x": null}}' });
    expect(found(ping, [json('{"a":{"x":null,"y":1},"b":[2,1]}')])).toEqual([]);
    expect(found(ping, [json('{"a":{"x":null,"y":1},"b":[1,2]}')])).toHaveLength(1);
    expect(found(ping, [json('{"a":{"x":null,"y":"1"},"b":[2,1]}')])).toHaveLength(1);
    expect(found(ping, [json('{"a":{"x":null,')])).toHaveLength(1);
    expect(found(ping, [call({ body: '{"a":{"x":null,"y":1},"b":[2,1]}' })])).toHaveLength(1);
  });

  test("a secret in an answer", () => {
    expect(found(example({}), [call({ secret: true })])).toEqual([
      'ping, python, "step 1": a password or a token is in the answer',
    ]);
  });

  test("every call of a step and every step", () => {
    const ping = example({ calls: 2 }, {});
    const bad = call({ status: 500 });
    expect(found(ping, [call(), bad], [bad])).toEqual([
      expect.stringContaining('"step 1": status 500'),
      expect.stringContaining('"step 2": status 500'),
    ]);
  });

  test("calls that were not played", () => {
    expect(found(example({ calls: 2 }, {}), [call()])).toEqual([
      'ping, python, "step 1": 1 of 2 calls were answered',
      'ping, python, "step 2": was not played',
    ]);
  });
});

describe("calls of one step", () => {
  const together = (concurrency: string) =>
    example({}, { calls: 2, baseline: "step 1", expect: { status: 200, concurrency } });
  const inTurn = [call({ endedAt: 100 }), call({ startedAt: 5, endedAt: 200 })];
  const sideBySide = [call({ endedAt: 110 }), call({ startedAt: 5, endedAt: 120 })];
  const judge = (ping: Scenario, ...steps: Call[][]) => judgeRun(ping, run(...steps));

  test("serial", () => {
    const ping = together("serial");
    expect(judge(ping, [call()], inTurn)).toEqual({ problems: [], timing: [], skipped: [] });
    const slower =
      'ping, python, "step 2": 2 calls took 0.60 of the time of 2 single calls: not serial. Times mean little on a busy machine: if this one was, play it again';
    expect(judge(ping, [call()], sideBySide)).toEqual({
      problems: [slower],
      timing: [slower],
      skipped: [],
    });
    const wrong = judge(ping, [call({ status: 500 })], sideBySide);
    expect(wrong).toMatchObject({ problems: [expect.any(String), slower], timing: [slower] });
  });

  test("parallel", () => {
    const ping = together("parallel");
    expect(judge(ping, [call()], sideBySide)).toEqual({ problems: [], timing: [], skipped: [] });
    expect(judge(ping, [call()], inTurn).problems).toEqual([
      'ping, python, "step 2": 2 calls took 1.00 of the time of 2 single calls: not parallel. Times mean little on a busy machine: if this one was, play it again',
    ]);
  });

  test("on one core, parallel calls are not judged, with a reason; serial ones are", () => {
    machine.cores = 1;
    expect(judge(together("parallel"), [call()], inTurn)).toEqual({
      problems: [],
      timing: [],
      skipped: [expect.stringMatching(/^ping, python, "step 2": .*this machine has one core/)],
    });
    expect(judge(together("serial"), [call()], sideBySide).problems).toHaveLength(1);
  });

  test("compared with a call that was not answered, or with several", () => {
    for (const single of [[], [call(), call()]]) {
      expect(judge(together("serial"), single, inTurn).problems).toEqual([
        `ping, python, "step 1": ${single.length} of 1 calls were answered`,
        'ping, python, "step 2": there is no step "step 1" of one call to compare with',
      ]);
    }
  });

  test("last from the first one's start to the last one's end", () => {
    const calls = [
      { startedAt: 10, endedAt: 90 },
      { startedAt: 5, endedAt: 30 },
    ].map(call);
    expect(wallTime({ name: "x", action: "GET /", calls })).toBe(85);
  });
});

describe("two runs are compared", () => {
  const ping = example({ calls: 2 }, {});
  const good = run([call(), call()], [call()]);

  test("alike, whatever the times", () => {
    expect(differences(ping, good, good)).toEqual([]);
    const slow = call({ startedAt: 7, endedAt: 900 });
    expect(differences(ping, good, run([slow, slow], [slow]))).toEqual([]);
  });

  test.each<[string, Partial<Call>, string]>([
    ["status", { status: 201 }, "status 200 and 201"],
    ["content type", { contentType: "text/html" }, "content type text/plain and text/html"],
    ["body", { body: "ping\n" }, "body pong\n and ping\n"],
    ["a header", { headers: { allow: "GET" } }, "header allow undefined and GET"],
  ])("different: %s", (_, changed, sentence) => {
    const other = run([call(), call(changed)], [call()]);
    expect(differences(ping, good, other)).toEqual([`ping, "step 1", call 2: ${sentence}`]);
    expect(differences(ping, other, good)).toHaveLength(1);
  });

  test("after the masks, and JSON by its content", () => {
    const one = run([call({ body: "1.5 s" }), json('{"a":1,"b":"2.0 s"}')], [call()]);
    const other = run([call({ body: "9.9 s" }), json('{ "b": "3.5 s", "a": 1 }')], [call()]);
    expect(differences(ping, one, other)).toEqual([]);
    expect(maskBody(json('{ "b": "3.5 s", "a": 1 }'), ping.masks)).toBe('{"a":1,"b":"… s"}');
    expect(differences({ ...ping, masks: [] }, one, other)).toHaveLength(2);
  });

  test("with calls or steps that one of them lacks", () => {
    for (const less of [run([call()], [call()]), run([call(), call()])]) {
      expect(differences(ping, good, less)).not.toEqual([]);
      expect(differences(ping, less, good)).not.toEqual([]);
    }
    expect(differences(ping, good, run([call()], [call()]))[0]).toBe(
      'ping, "step 1", call 2: status 200 and undefined',
    );
  });
});

describe("variations are compared", () => {
  const answer = (changed: Partial<Answer> = {}): Answer => {
    const { startedAt: _, endedAt: __, ...rest } = call(changed);
    return rest;
  };
  const varied = (changed: Partial<VariedAnswer> = {}): VariedAnswer => ({
    step: "step 1",
    variation: "with a query string",
    request: "GET /ping?x",
    alone: answer(),
    ...changed,
  });
  const played = (...answers: VariedAnswer[]): VariedRun => ({ program: "python", answers });
  const other = (...answers: VariedAnswer[]): VariedRun => ({ program: "typescript", answers });
  const stating = (...differences: object[]) =>
    exampleWith({ variations: { differences } }, {}, {});
  const ping = stating();
  const reason = "The one language can't do what the other one does.";
  const refused = varied({ alone: answer({ status: 404 }) });

  test("alike, after the masks", () => {
    expect(judgeVariations(ping, played(varied()), other(varied()))).toEqual([]);
    const one = varied({ alone: answer({ body: "1.5 s" }) });
    const two = varied({ alone: answer({ body: "2.5 s" }) });
    expect(judgeVariations(ping, played(one), other(two))).toEqual([]);
  });

  test("different: with the step, the variation and the request", () => {
    expect(judgeVariations(ping, played(varied()), other(refused))).toEqual([
      'ping, "step 1" with a query string (GET /ping?x): status 200 and 404',
    ]);
  });

  test("different in several steps: one sentence for the variation", () => {
    const second = { step: "step 2" };
    const problems = judgeVariations(
      ping,
      played(varied(), varied(second)),
      other(refused, { ...refused, ...second }),
    );
    expect(problems).toEqual([
      'ping, "step 1" with a query string (GET /ping?x): status 200 and 404; also "step 2" with a query string',
    ]);
  });

  test("different, as the scenario states", () => {
    const difference = { variation: "with a query string", reason };
    const runs = [played(varied()), other(refused)] as const;
    expect(judgeVariations(stating(difference), ...runs)).toEqual([]);
    expect(judgeVariations(stating({ ...difference, step: "step 1" }), ...runs)).toEqual([]);
    expect(judgeVariations(stating({ ...difference, step: "step 2" }), ...runs)).toHaveLength(2);
    expect(judgeVariations(stating({ ...difference, variation: "as PUT" }), ...runs)).toHaveLength(
      2,
    );
  });

  test("alike, though the scenario states a difference", () => {
    const difference = { variation: "with a query string", reason };
    expect(judgeVariations(stating(difference), played(varied()), other(varied()))).toEqual([
      "ping, with a query string: both twins give the same answer, so scenario.json must not say that they differ",
    ]);
  });

  test("an answer that depends on what else is asked, of either twin", () => {
    const swapped = varied({ amongOthers: answer({ body: "another\n" }) });
    const steady = varied({ amongOthers: answer() });
    const sentence =
      'ping, "step 1" with a query string (GET /ping?x), python, alone and while others are asked: body pong\n and another\n';
    expect(judgeVariations(ping, played(swapped), other(steady))).toEqual([sentence]);
    expect(judgeVariations(ping, played(steady), other(swapped))).toEqual([
      sentence.replace("python", "typescript"),
    ]);
    expect(judgeVariations(ping, played(steady), other(steady))).toEqual([]);
  });

  test("a secret in an answer", () => {
    const secret = varied({ alone: answer({ secret: true }) });
    expect(judgeVariations(ping, played(secret), other(varied()))).toEqual([
      expect.stringContaining("python: a password or a token is in the answer"),
    ]);
  });

  test("one twin was asked more", () => {
    const two = [varied(), varied({ variation: "as PUT" })];
    expect(judgeVariations(ping, played(...two), other(varied()))).toHaveLength(1);
    expect(judgeVariations(ping, played(varied()), other(...two))).toHaveLength(1);
    const swapped = [...two].reverse();
    expect(judgeVariations(ping, played(...two), other(...swapped))).toHaveLength(2);
  });
});

describe("the end of a run is judged", () => {
  const ending = (changed: Partial<Ending> = {}): Ending => ({
    how: "exit code 0",
    log: "W1125 Orthanc is stopping\nNode has ended (signal SIGTERM)\n",
    secretInLog: false,
    listeners: [],
    left: [],
    ...changed,
  });

  test("all is well", () => {
    expect(judgeEnding(example({}), run(), ending())).toEqual([]);
  });

  test.each<[string, Partial<Ending>, RegExp]>([
    [
      "it had to be killed",
      { how: "SIGKILL" },
      /did not stop when it was asked to, and was killed/,
    ],
    ["it has crashed", { how: "SIGSEGV" }, /did not stop as it should: SIGSEGV/],
    [
      "Node has crashed",
      { log: "E1 Node has ended (exit code 1), next start in 0.25 seconds\n" },
      /Node ended while it was needed: E1 Node has ended/,
    ],
    [
      "Node is deaf",
      { log: "W1 Node has not ended within 5 seconds, and is killed\n" },
      /Node did not stop when it was asked to/,
    ],
    [
      "an exception",
      { log: 'W1\nTraceback (most recent call last):\n  File "x"\nValueError: y\n' },
      /an exception was not caught:\nTraceback[\s\S]*ValueError: y/,
    ],
    ["too much output", { log: "x".repeat(1_000_001) }, /more than 1,000,000 bytes were logged/],
    ["a secret", { secretInLog: true }, /a password or a token is in the log/],
    ["a listener", { listeners: ["process 1 (node) listens on TCP port 2"] }, /process 1 \(node\)/],
    ["a worker", { left: ["process 1, sleep 9"] }, /has left behind: process 1, sleep 9/],
  ])("%s", (_, changed, sentence) => {
    const problems = judgeEnding(example({}), run(), ending(changed));
    expect(problems).toEqual([expect.stringMatching(sentence)]);
    expect(problems[0]).toMatch(/^ping, python, in the end: /);
  });
});

describe("the programs of a hazard are judged", () => {
  const hazard = (program: object): Scenario => {
    const programs = [{ variant: "failing", language: "python", ...program }];
    const steps = [{ name: "A step", do: "signal", signal: "SIGKILL", to: "workers" }];
    const file = { summary: "It falls.", page: "/fall", end: "kill", programs, steps };
    return { id: "fall", ...parseScenario(JSON.stringify(file), "fall", "") };
  };
  const played = (changed: Partial<ProgramRun>): ProgramRun => ({
    ...run(),
    program: "failing python",
    ...changed,
  });
  const judgeStep = (step: object, observed: Partial<StepRun>) =>
    judgeRun(
      hazard({ steps: [{ name: "A step", ...step }] }),
      played({ steps: [{ name: "A step", action: "", calls: [], ...observed }] }),
    ).problems;
  const request = (expectation: object) => ({ path: "/fall", expect: expectation });
  const signal = (expectation?: object) => ({
    do: "signal",
    signal: "SIGKILL",
    to: "workers",
    ...(expectation && { expect: expectation }),
  });
  const restart = (expectation: object) => ({ do: "restart", expect: expectation });

  test.each<[string, object, Partial<StepRun>]>([
    ["an answer", request({ status: 200, matches: "^po" }), { calls: [call()] }],
    ["no answer", request({ noAnswer: 2 }), { outcome: { type: "no answer", seconds: 2 } }],
    ["a crash", request({ endsOrthanc: 2 }), { outcome: { type: "crashed", how: "SIGSEGV" } }],
    [
      "a crash with an exit code",
      request({ endsOrthanc: 2 }),
      { outcome: { type: "crashed", how: "exit code 134" } },
    ],
    ["a signal", signal(), { outcome: { type: "signalled", processes: 1 } }],
    ["an end", signal({ ends: 2 }), { outcome: { type: "ended" } }],
    ["no end", signal({ runs: 2 }), { outcome: { type: "running", seconds: 2 } }],
    ["a restart", restart({ starts: true }), { outcome: { type: "restarted" } }],
    [
      "no restart",
      restart({ fails: "in use" }),
      { outcome: { type: "not restarted", log: "in use" } },
    ],
  ])("as expected: %s", (_, step, observed) => {
    expect(judgeStep(step, observed)).toEqual([]);
  });

  test.each<[string, object, Partial<StepRun>, string]>([
    [
      "another body",
      request({ status: 200, matches: "^pi" }),
      { calls: [call()] },
      "body pong\n does not match ^pi",
    ],
    [
      "an answer",
      request({ noAnswer: 2 }),
      { calls: [call()] },
      "status 200; the body: pong\n. But no answer was expected within 2 seconds",
    ],
    [
      "a lost connection",
      request({ noAnswer: 2 }),
      { outcome: { type: "disconnected" } },
      "The connection ended without an answer. But no answer was expected within 2 seconds",
    ],
    [
      "no crash",
      request({ endsOrthanc: 2 }),
      { outcome: { type: "running", seconds: 2 } },
      "Orthanc is still running after 2 seconds. But Orthanc was expected to crash within 2 seconds",
    ],
    [
      "an orderly end in place of a crash",
      request({ endsOrthanc: 2 }),
      { outcome: { type: "crashed", how: "exit code 0" } },
      "No answer. Orthanc ends: exit code 0. But Orthanc was expected to crash within 2 seconds",
    ],
    [
      "a limit in place of a crash",
      request({ endsOrthanc: 2 }),
      { outcome: { type: "crashed", how: "it had more than 100 processes" } },
      "No answer. Orthanc ends: it had more than 100 processes. But Orthanc was expected to crash within 2 seconds",
    ],
    [
      "an answer in place of a crash",
      request({ endsOrthanc: 2 }),
      { calls: [call({ status: 500 })] },
      "status 500; the body: pong\n. But Orthanc was expected to crash within 2 seconds",
    ],
    [
      "no process to signal",
      signal(),
      { outcome: { type: "signalled", processes: 0 } },
      "Sent to 0 processes. There was no process to receive the signal",
    ],
    [
      "no end",
      signal({ ends: 3 }),
      { outcome: { type: "running", seconds: 3 } },
      "Orthanc is still running after 3 seconds. It was expected to end within 3 seconds",
    ],
    [
      "an end",
      signal({ runs: 3 }),
      { outcome: { type: "ended" } },
      "Orthanc ends. It was expected to be running after 3 seconds",
    ],
    [
      "no restart",
      restart({ starts: true }),
      { outcome: { type: "not restarted" } },
      "Orthanc does not start again. Orthanc was expected to start again",
    ],
    [
      "a restart",
      restart({ fails: "in use" }),
      { outcome: { type: "restarted" } },
      "Orthanc starts again. Orthanc was expected to fail with in use",
    ],
    [
      "another reason",
      restart({ fails: "in use" }),
      { outcome: { type: "not restarted" } },
      "Orthanc does not start again. Orthanc was expected to fail with in use",
    ],
    ["nothing", signal(), {}, "There is no outcome. There was no process to receive the signal"],
  ])("not as expected: %s", (_, step, observed, problem) => {
    expect(judgeStep(step, observed)).toEqual([`fall, failing python, "A step": ${problem}`]);
  });

  test("a secret in an answer", () => {
    const problems = judgeStep(request({ status: 200 }), { calls: [call({ secret: true })] });
    expect(problems).toEqual([expect.stringContaining("a password or a token is in the answer")]);
  });

  test.each<[object | string, ProgramRun["start"], string]>([
    ["answers", { type: "fails" }, "Orthanc does not start. It was expected to start."],
    [
      { fails: "x" },
      { type: "answers" },
      "Orthanc starts. It was expected to end while it starts.",
    ],
    [
      { hangs: 8 },
      { type: "fails" },
      "Orthanc does not start. It was expected to hang while it starts.",
    ],
    [
      { fails: "x" },
      { type: "hangs", seconds: 8 },
      "Orthanc has not answered after 8 seconds. It was expected to end while it starts.",
    ],
  ])("expected %j, observed %j", (start, observed, problem) => {
    const { problems } = judgeRun(hazard({ start }), played({ start: observed }));
    expect(problems).toEqual([`fall, failing python: ${problem}`]);
  });

  test.each<[object, ProgramRun["start"]]>([
    [{ fails: "no ground" }, { type: "answers" }],
    [{ fails: "no ground" }, { type: "hangs", seconds: 30 }],
    [{ hangs: 8 }, { type: "answers" }],
    [{ hangs: 8 }, { type: "fails" }],
  ])("expected %j, observed %j: the end of the log is shown, once", (start, observed) => {
    const log = `${"It falls.\n".repeat(500)}It has landed.\n`;
    const problems = judgeEnding(hazard({ start }), played({ start: observed }), { log });
    expect(problems).toEqual([
      `fall, failing python, in the end: its start was not as expected. The end of its log:\n${log.slice(-1_000)}`,
    ]);
  });

  test("the log has what is expected, and not what must not be there", () => {
    const fall = hazard({ log: ["hit the ground"], notInLog: ["fl[ei]w"] });
    const judge = (log: string) => judgeEnding(fall, played({}), { log });
    expect(judge("W1 it hit the ground\n")).toEqual([]);
    expect(judge("W1 it flew\n")).toEqual([
      "fall, failing python, in the end: the log has no match for hit the ground. Its end:\nW1 it flew\n",
      'fall, failing python, in the end: the log contains "flew"',
    ]);
    const start = hazard({ start: { fails: "no ground" } });
    expect(judgeEnding(start, played({ start: { type: "fails" } }), { log: "" })).toHaveLength(1);
  });

  test("an Orthanc that is killed need not stop as it should, but logs no secret", () => {
    const log = "Traceback (most recent call last):\n";
    expect(judgeEnding(hazard({}), played({}), { log })).toEqual([]);
    expect(judgeEnding(hazard({}), played({}), { log, secretInLog: true })).toHaveLength(1);
  });

  test("two runs are compared by the types of their outcomes", () => {
    const with_ = (outcome: Outcome) =>
      played({ steps: [{ name: "A step", action: "", calls: [], outcome }] });
    const two = with_({ type: "signalled", processes: 2 });
    expect(differences(hazard({}), two, with_({ type: "signalled", processes: 1 }))).toEqual([]);
    expect(differences(hazard({}), two, with_({ type: "ended" }))).toEqual([
      'fall, "A step": signalled and ended',
    ]);
    expect(
      differences(hazard({}), two, played({ start: { type: "fails" }, steps: two.steps })),
    ).toEqual(["fall, start: answers and fails"]);
  });

  test("two runs are compared without bodies that must only match a pattern", () => {
    const falls = (expectation: object) =>
      hazard({ steps: [{ name: "A step", ...request({ status: 200, ...expectation }) }] });
    const answering = (body: string) =>
      played({ steps: [{ name: "A step", action: "", calls: [call({ body })] }] });
    const [one, other] = [answering("[]"), answering('["id"]')];
    expect(differences(falls({ matches: "^\\[" }), one, other)).toEqual([]);
    expect(differences(falls({}), one, other)).toHaveLength(1);
  });

  test("a run that this machine can't play is skipped, with the reason", () => {
    const skipped = played({ skipped: "this machine has no IPv4 address but loopback" });
    const verdict = judgeRun(hazard({ steps: [{ name: "A step", ...signal() }] }), skipped);
    expect(verdict).toEqual({
      problems: [],
      timing: [],
      skipped: ["fall, failing python: this machine has no IPv4 address but loopback"],
    });
    expect(judgeEnding(hazard({}), skipped, { log: "" })).toEqual([]);
    expect(differences(hazard({}), skipped, played({ steps: [] }))).toEqual([]);
  });
});

test("the steps of a table are named by their credentials", () => {
  const file = {
    summary: "It lets in.",
    page: "/in",
    columns: [{ name: "Built-in", method: "GET", path: "/instances" }],
    programs: [{ language: "python", rows: [{ credential: "A token", expect: [200] }] }],
  };
  const table = { id: "table", ...parseScenario(JSON.stringify(file), "table", "") };
  expect(judgeRun(table, run([call()])).problems).toEqual([]);
  expect(judgeRun(table, run([call({ status: 401, body: "" })])).problems).toEqual([
    'table, python, "A token: Built-in": status 401 instead of 200; the body: ',
  ]);
});
