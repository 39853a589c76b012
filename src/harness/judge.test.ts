import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Example, parseExample } from "./example.ts";
import { differences, judgeRun, masked, wallTime } from "./judge.ts";
import type { Call, TwinRun } from "./run.ts";

const machine = vi.hoisted(() => ({ cores: 2 }));
vi.mock("node:os", () => ({ availableParallelism: () => machine.cores }));

beforeEach(() => {
  machine.cores = 2;
});

/** An example of one step for each expectation; several calls where the step says so. */
function example(...steps: object[]): Example {
  const text = JSON.stringify({
    title: "Ping",
    summary: "It answers.",
    page: "/ping",
    facts: [1],
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
  });
  return { ...parseExample(text, "ping"), id: "ping", folder: "" };
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
const run = (...steps: Call[][]): TwinRun => ({
  twin: "python",
  steps: steps.map((calls, index) => ({
    name: `step ${index + 1}`,
    method: "GET",
    path: "/ping",
    calls,
  })),
});

const expected = (expectation: object) => example({ expect: { status: 200, ...expectation } });
const json = (body: string) => call({ contentType: "application/json", body });

describe("a run is judged by what its example expects", () => {
  const found = (ping: Example, ...steps: Call[][]) => judgeRun(ping, run(...steps)).problems;

  test("all is well", () => {
    const ping = expected({ contentType: "text/plain", body: "pong\n" });
    expect(judgeRun(ping, run([call()]))).toEqual({ problems: [], skipped: [] });
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
      'ping, python, "step 1": 1 of 2 calls were played',
      'ping, python, "step 2": 0 of 1 calls were played',
    ]);
  });
});

describe("calls of one step", () => {
  const together = (how: string, comparedWith = "step 1") =>
    example({}, { calls: 2, comparedWith, expect: { status: 200, together: how } });
  const inTurn = [call({ endedAt: 100 }), call({ startedAt: 5, endedAt: 200 })];
  const sideBySide = [call({ endedAt: 110 }), call({ startedAt: 5, endedAt: 120 })];
  const judge = (ping: Example, ...steps: Call[][]) => judgeRun(ping, run(...steps));

  test("in turn", () => {
    const ping = together("in turn");
    expect(judge(ping, [call()], inTurn)).toEqual({ problems: [], skipped: [] });
    expect(judge(ping, [call()], sideBySide).problems).toEqual([
      'ping, python, "step 2": 2 calls took 0.60 of the time of 2 single calls: not in turn. Times tell little where the machine is busy: if it was, play it again',
    ]);
  });

  test("side by side", () => {
    const ping = together("side by side");
    expect(judge(ping, [call()], sideBySide)).toEqual({ problems: [], skipped: [] });
    expect(judge(ping, [call()], inTurn).problems).toEqual([
      'ping, python, "step 2": 2 calls took 1.00 of the time of 2 single calls: not side by side. Times tell little where the machine is busy: if it was, play it again',
    ]);
  });

  test("side by side, on one core: not looked at, and said so; in turn is", () => {
    machine.cores = 1;
    expect(judge(together("side by side"), [call()], inTurn)).toEqual({
      problems: [],
      skipped: [expect.stringMatching(/^ping, python, "step 2": .*this machine has one core/)],
    });
    expect(judge(together("in turn"), [call()], sideBySide).problems).toHaveLength(1);
  });

  test("compared with a step that is not there, or makes several calls", () => {
    const ping = together("in turn", "step 0");
    expect(judge(ping, [call()], inTurn).problems).toEqual([
      'ping, python, "step 2": there is no step "step 0" of one call to compare with',
    ]);
    const itself = together("side by side", "step 2");
    expect(judge(itself, [call()], sideBySide).problems).toEqual([
      expect.stringContaining('no step "step 2" of one call'),
    ]);
  });

  test("last from the first one's start to the last one's end", () => {
    const calls = [
      { startedAt: 10, endedAt: 90 },
      { startedAt: 5, endedAt: 30 },
    ].map(call);
    expect(wallTime({ name: "x", method: "GET", path: "/", calls })).toBe(85);
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
  ])("different: %s", (_, changed, sentence) => {
    const other = run([call(), call(changed)], [call()]);
    expect(differences(ping, good, other)).toEqual([`ping, "step 1", call 2: ${sentence}`]);
    expect(differences(ping, other, good)).toHaveLength(1);
  });

  test("after the masks, and JSON by its content", () => {
    const one = run([call({ body: "1.5 s" }), json('{"a":1,"b":"2.0 s"}')], [call()]);
    const other = run([call({ body: "9.9 s" }), json('{ "b": "3.5 s", "a": 1 }')], [call()]);
    expect(differences(ping, one, other)).toEqual([]);
    expect(masked(json('{ "b": "3.5 s", "a": 1 }'), ping.masks)).toBe('{"a":1,"b":"… s"}');
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
