import { readdir } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  EXAMPLES,
  ExampleError,
  exampleIds,
  parseExample,
  readExample,
  withCalls,
} from "./example.ts";

const FILE = "examples/ping/example.json";

/** An example that is valid. */
const PING = {
  summary: "It answers.",
  page: "/ping",
  routes: ["/ping"],
  steps: [{ name: "A call", path: "/ping", expect: { status: 200 } }],
};

/** The lines that tell what is wrong with an example. */
function mistakes(example: unknown): string[] {
  const text = typeof example === "string" ? example : JSON.stringify(example);
  try {
    parseExample(text, FILE);
  } catch (error) {
    expect(error).toBeInstanceOf(ExampleError);
    return (error as ExampleError).message.split("\n");
  }
  throw new Error("It was taken for valid.");
}

/** The valid example with one step that differs. */
const withStep = (step: object) => ({ ...PING, steps: [{ ...PING.steps[0], ...step }] });

test("a valid example is read, with what it leaves out", () => {
  expect(parseExample(JSON.stringify(PING), FILE)).toEqual({
    ...PING,
    instances: [],
    masks: [],
    variations: { smaller: {}, differences: [] },
    steps: [{ ...PING.steps[0], method: "GET", calls: 1 }],
  });
});

describe("an error is reported with file, field and reason", () => {
  const { summary: _, ...unfinished } = PING;
  test.each<[string, unknown, string, RegExp]>([
    ["a field is missing", unfinished, "summary", /expected string, received undefined/],
    ["a type is wrong", { ...PING, summary: 1 }, "summary", /expected string, received number/],
    ["a field is unknown", { ...PING, title: "x" }, "(whole file)", /key.*"title"/],
    ["there are no steps", { ...PING, steps: [] }, "steps", />=1/],
    ["a page is no path", { ...PING, page: "ping" }, "page", /start with "\/"/],
    ["a step has no path", withStep({ path: undefined }), "steps[0].path", /received undefined/],
    ["a method is unknown", withStep({ method: "FETCH" }), "steps[0].method", /"GET"\|"POST"/],
    ["calls are too many", withStep({ calls: 9 }), "steps[0].calls", /<=8/],
    [
      "an expectation is unknown",
      withStep({ expect: { status: 200, header: "x" } }),
      "steps[0].expect",
      /"header"/,
    ],
    [
      "a mask has no reason",
      { ...PING, masks: [{ pattern: "a", replacement: "b", reason: "so" }] },
      "masks[0].reason",
      />=10/,
    ],
    [
      "a difference has no reason",
      { ...PING, variations: { differences: [{ variation: "as PUT", reason: "so it is" }] } },
      "variations.differences[0].reason",
      />=30/,
    ],
    ["it is no object", [], "(whole file)", /expected object, received array/],
  ])("%s", (_, example, field, reason) => {
    const lines = mistakes(example);
    expect(lines).toHaveLength(1);
    const [line = ""] = lines;
    expect(line.startsWith(`${FILE}: ${field}: `)).toBe(true);
    expect(line).toMatch(reason);
  });

  test("the file is no JSON", () => {
    expect(mistakes('{"summary": }').join()).toMatch(new RegExp(`^${FILE}: is not JSON: .*}`));
    expect(mistakes("").join()).toContain(`${FILE}: is not JSON: `);
  });

  test("there are several: a line for each", () => {
    expect(mistakes({ ...unfinished, steps: [] }).map((line) => line.split(": ")[1])).toEqual([
      "summary",
      "steps",
    ]);
  });
});

test("every example is valid, and its folder has what its id and routes promise", async () => {
  const ids = await exampleIds();
  expect(ids).toContain("rest-token");
  for (const id of ids) {
    const example = await readExample(id);
    expect(example).toMatchObject({ id, folder: path.join(EXAMPLES, id) });
    const files = await readdir(example.folder);
    expect(files).toEqual(expect.arrayContaining(["plugin.py", "plugin.ts"]));
    expect(files.join()).toMatch(/example(\.timed)?\.test\.ts/);
    const names = example.steps.map((step) => step.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { comparedWith, expect: expected } of example.steps) {
      if (comparedWith !== undefined) expect(names).toContain(comparedWith);
      if (expected.together) expect(comparedWith).toBeDefined();
    }
    for (const { pattern } of example.masks) expect(() => new RegExp(pattern, "g")).not.toThrow();
  }
});

test.each(["no-such-example", "", "..", "bridge"])(
  'the id "%s" is unknown: those that exist are named',
  async (id) => {
    const error = await readExample(id).catch((error) => error);
    expect(error).toBeInstanceOf(ExampleError);
    expect(error.message).toContain(`There is no example "${id}". The examples are: `);
    for (const known of await exampleIds()) expect(error.message).toContain(known);
  },
);

test("other numbers of calls go to the steps that make several, and one call is compared with nothing", async () => {
  const example = await readExample("worker-pool");
  const calls = (changed: typeof example) => changed.steps.map((step) => step.calls);
  expect(calls(example)).toEqual([1, 2, 1, 1, 1]);
  expect(calls(withCalls(example, 8))).toEqual([1, 8, 1, 1, 1]);
  expect(withCalls(example, 8).steps[1]?.expect.together).toBe("side by side");
  expect(withCalls(example, 1).steps[1]?.expect.together).toBeUndefined();
  expect(example.steps[1]?.expect.together).toBe("side by side");
});
