import { readdir } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  EXAMPLES,
  findProgram,
  parseScenario,
  readScenario,
  readScenarios,
  scenarioIds,
  withCalls,
} from "./catalogue.ts";
import { ScenarioError } from "./parse.ts";

const FILE = "examples/ping/scenario.json";
const FOLDER = "/examples/ping";

/** An example that is valid. */
const PING = {
  summary: "It answers.",
  page: "/ping",
  routes: ["/ping"],
  steps: [{ name: "A call", path: "/ping", expect: { status: 200 } }],
};

/** The reported errors of a scenario's file, line by line. */
function errors(scenario: unknown): string[] {
  const text = typeof scenario === "string" ? scenario : JSON.stringify(scenario);
  try {
    parseScenario(text, FILE, FOLDER);
  } catch (error) {
    expect(error).toBeInstanceOf(ScenarioError);
    return (error as ScenarioError).message.split("\n");
  }
  throw new Error("It is taken for valid.");
}

/** The valid example with one step that differs. */
const withStep = (step: object) => ({ ...PING, steps: [{ ...PING.steps[0], ...step }] });

test("an example has two programs with the same steps, and defaults for what it leaves out", () => {
  const parsed = parseScenario(JSON.stringify(PING), FILE, FOLDER);
  const [step] = PING.steps;
  expect(parsed).toMatchObject({ summary: "It answers.", page: "/ping", end: "stop", masks: [] });
  expect(parsed).toMatchObject({ twins: true, impossible: [], folder: FOLDER });
  expect(parsed.programs.map(({ program }) => program)).toEqual(["python", "typescript"]);
  for (const program of parsed.programs) {
    expect(program).toMatchObject({ folder: FOLDER, routes: ["/ping"], start: "answers" });
    expect(program.steps).toEqual([
      {
        ...step,
        do: "request",
        method: "GET",
        headers: {},
        calls: 1,
        after: 0,
        startWithPrevious: false,
        statusOnly: false,
      },
    ]);
  }
});

test("a hazard has programs in folders, with their own steps and routes", () => {
  const steps = [{ name: "A signal", do: "signal", signal: "SIGKILL", to: "workers" }];
  const impossible = "There is no ground on which it could fall.";
  const parsed = parseScenario(
    JSON.stringify({
      ...PING,
      configuration: { HttpThreadsCount: 2, Name: "a" },
      programs: [
        { variant: "failing", language: "python", steps, configuration: { Name: "b" } },
        { variant: "failing", language: "typescript", impossible },
        { variant: "fixed", language: "python", routes: ["/pong"] },
      ],
    }),
    FILE,
    FOLDER,
  );
  const [failing, fixed] = parsed.programs;
  expect(parsed.twins).toBe(false);
  expect(failing).toMatchObject({
    program: "failing python",
    folder: `${FOLDER}/failing`,
    routes: ["/ping"],
    configuration: { HttpThreadsCount: 2, Name: "b" },
    steps: [{ do: "signal" }],
  });
  expect(fixed).toMatchObject({ program: "fixed python", routes: ["/pong"] });
  expect(fixed?.steps).toMatchObject([{ name: "A call" }]);
  expect(parsed.impossible).toEqual([
    { language: "typescript", variant: "failing", reason: impossible },
  ]);
});

test("a table sends the requests of its columns with the credentials of each row", () => {
  const columns = [
    { name: "One", method: "GET", path: "/one" },
    { name: "Two", method: "PROPFIND", path: "/two", headers: { depth: "0" } },
  ];
  const rows = [
    { credential: "No header", expect: [401, 403] },
    { credential: "A token", expect: [200, 207] },
  ];
  const table = { summary: "It lets in.", page: "/in", columns };
  const parsed = parseScenario(
    JSON.stringify({ ...table, programs: [{ name: "Open", language: "python", rows }] }),
    FILE,
    FOLDER,
  );
  expect(parsed.programs[0]?.program).toBe("Open");
  expect(parsed.programs[0]?.steps).toMatchObject([
    { name: "One", credential: "No header", path: "/one", expect: { status: 401 } },
    { name: "Two", credential: "No header", headers: { depth: "0" }, expect: { status: 403 } },
    { name: "One", credential: "A token", expect: { status: 200 } },
    { name: "Two", credential: "A token", method: "PROPFIND", expect: { status: 207 } },
  ]);
  const short = [{ language: "python", rows: [{ credential: "No header", expect: [401] }] }];
  expect(errors({ ...table, programs: short })).toEqual([
    `${FILE}: programs[0].rows: each row needs a status for each of the 2 columns`,
  ]);
});

describe("an error is reported with file, field and reason", () => {
  const { summary: _, ...unfinished } = PING;
  type Invalid = [string, unknown, string, RegExp];
  test.each<Invalid>([
    ["a field is missing", unfinished, "summary", /expected string, received undefined/],
    ["a type is wrong", { ...PING, summary: 1 }, "summary", /expected string, received number/],
    ["a field is unknown", { ...PING, title: "x" }, "(whole file)", /key.*"title"/],
    ["there are no steps", { ...PING, steps: [] }, "steps", /twins need a step/],
    ["a page that is not a path", { ...PING, page: "ping" }, "page", /start with "\/"/],
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
      "a step expects nothing",
      withStep({ expect: {} }),
      "steps[0].expect",
      /either a status, noAnswer or endsOrthanc/,
    ],
    [
      "a step expects both an answer and none",
      withStep({ expect: { status: 200, noAnswer: 2 } }),
      "steps[0].expect",
      /either a status, noAnswer or endsOrthanc/,
    ],
    [
      "a signal must both end Orthanc and not",
      withStep({
        do: "signal",
        path: undefined,
        signal: "SIGINT",
        to: "all",
        expect: { ends: 1, runs: 1 },
      }),
      "steps[0].expect",
      /either ends or runs/,
    ],
    ["a step does something unknown", withStep({ do: "sleep" }), "steps[0].do", /Invalid/],
    [
      "a program is of no known language",
      { ...PING, programs: [{ language: "cobol" }] },
      "programs[0].language",
      /"python"\|"typescript"/,
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
    [
      "an Orthanc without passwords would answer other machines",
      {
        ...PING,
        configuration: { AuthenticationEnabled: false },
        programs: [{ language: "python", configuration: { RemoteAccessAllowed: true } }],
      },
      "programs[0].configuration",
      /this machine alone/,
    ],
    [
      "two programs have one name",
      { ...PING, programs: [{ language: "python" }, { language: "python" }] },
      "programs[1]",
      /two programs/,
    ],
    [
      "a program that does not start has steps",
      { ...PING, programs: [{ language: "python", start: { hangs: 1 }, steps: PING.steps }] },
      "programs[0].steps",
      /has no steps/,
    ],
    [
      "a program that starts has nothing to play",
      { ...PING, steps: [], programs: [{ variant: "fixed", language: "python" }] },
      "programs[0].steps",
      /the program "fixed python" needs a step/,
    ],
    ...Object.entries({
      contentType: "text/plain",
      body: "pong",
      matches: "^po",
      concurrency: "serial",
    }).flatMap(([member, value]) =>
      ["noAnswer", "endsOrthanc"].map(
        (wanted): Invalid => [
          `a step that expects ${wanted} also names ${member}`,
          withStep({ expect: { [wanted]: 2, [member]: value } }),
          "steps[0].expect",
          /without an answer, there is no .*concurrency/,
        ],
      ),
    ),
    ...(
      [
        [withStep({ expect: { status: 200, matches: "(" } }), "steps[0].expect.matches"],
        [
          withStep({ do: "restart", path: undefined, expect: { fails: "(" } }),
          "steps[0].expect.fails",
        ],
        [{ ...PING, programs: [{ language: "python", log: ["a", "("] }] }, "programs[0].log[1]"],
        [
          { ...PING, programs: [{ language: "python", notInLog: ["("] }] },
          "programs[0].notInLog[0]",
        ],
        [
          { ...PING, masks: [{ pattern: "(", replacement: "", reason: "It differs each time." }] },
          "masks[0].pattern",
        ],
        [
          { ...PING, programs: [{ language: "python", start: { fails: "(" } }] },
          "programs[0].start.fails",
        ],
        [{ ...PING, workTime: "(" }, "workTime"],
      ] as const
    ).map(
      ([example, field]): Invalid => [
        `${field} is not a regular expression`,
        example,
        field,
        /Invalid regular expression: .*Unterminated group/,
      ],
    ),
    [
      "a baseline is not a step",
      withStep({ baseline: "One call" }),
      "steps[0].baseline",
      /name another step that makes one call; "One call" is not such a step/,
    ],
    [
      "a baseline is its own step",
      withStep({ baseline: "A call" }),
      "steps[0].baseline",
      /"A call" is not such a step/,
    ],
    [
      "a baseline makes several calls",
      {
        ...PING,
        programs: [
          {
            language: "python",
            steps: [
              { ...PING.steps[0], calls: 2 },
              { ...PING.steps[0], name: "Calls at once", baseline: "A call" },
            ],
          },
        ],
      },
      "programs[0].steps[1].baseline",
      /"A call" is not such a step/,
    ],
    ["it is not an object", [], "(whole file)", /expected object, received array/],
  ])("%s", (_, example, field, reason) => {
    const lines = errors(example);
    expect(lines).toHaveLength(1);
    const [line = ""] = lines;
    expect(line.startsWith(`${FILE}: ${field}: `)).toBe(true);
    expect(line).toMatch(reason);
  });

  test("the file is no JSON", () => {
    expect(errors('{"summary": }').join()).toMatch(new RegExp(`^${FILE}: is not JSON: .*}`));
    expect(errors("").join()).toContain(`${FILE}: is not JSON: `);
  });

  test("there are several: a line for each", () => {
    expect(errors({ ...unfinished, page: 1 }).map((line) => line.split(": ")[1])).toEqual([
      "summary",
      "page",
    ]);
  });
});

test("every scenario is valid, and its folder has what it promises", async () => {
  const all = await readScenarios();
  expect(all.map(({ id }) => id)).toEqual(
    expect.arrayContaining(["rest-token", "hazards/killed-worker", "token-access"]),
  );
  for (const { id, folder, twins, programs, impossible } of all) {
    expect(folder).toBe(path.join(EXAMPLES, id));
    if (twins) expect((await readdir(folder)).join()).toMatch(/example(\.timed)?\.test\.ts/);
    for (const program of programs) {
      const { language, script = language === "python" ? "plugin.py" : "plugin.ts" } = program;
      expect(await readdir(program.folder), `${id}, ${program.program}`).toContain(script);
      const names = program.steps.map((step) => {
        return step.do === "request" ? `${step.credential} ${step.name}` : step.name;
      });
      if (twins) expect(new Set(names).size, id).toBe(names.length);
      for (const step of program.steps) {
        if (step.do !== "request") continue;
        if (step.expect.concurrency) expect(step.baseline).toBeDefined();
      }
    }
    const named = [
      ...programs.map(({ program }) => program),
      ...impossible.map(({ reason }) => reason),
    ];
    expect(new Set(named).size).toBe(named.length);
  }
});

test.each(["no-such-example", "", "..", "bridge", "hazards", "hazards/"])(
  'the id "%s" is unknown: those that exist are named',
  async (id) => {
    const error = await readScenario(id).catch((error) => error);
    expect(error).toBeInstanceOf(ScenarioError);
    expect(error.message).toContain(`There is no example "${id}". The examples are: `);
    for (const known of await scenarioIds()) expect(error.message).toContain(known);
  },
);

test("an unknown program is refused: those that exist are named", async () => {
  const hazard = await readScenario("hazards/alarm");
  expect(() => findProgram(hazard, "failing typescript")).toThrow(
    'hazards/alarm has no program "failing typescript". Its programs are: failing python, fixed python, fixed typescript.',
  );
});

test("other numbers of calls go to the steps that make several, and one call is compared with nothing", async () => {
  const scenario = await readScenario("worker-pool");
  const steps = (changed: typeof scenario) =>
    findProgram(changed, "python").steps.map((step) => (step.do === "request" ? step : undefined));
  const calls = (changed: typeof scenario) => steps(changed).map((step) => step?.calls);
  expect(calls(scenario)).toEqual([1, 2, 1, 1, 1]);
  expect(calls(withCalls(scenario, 8))).toEqual([1, 8, 1, 1, 1]);
  expect(steps(withCalls(scenario, 8))[1]?.expect.concurrency).toBe("parallel");
  expect(steps(withCalls(scenario, 1))[1]?.expect.concurrency).toBeUndefined();
  expect(steps(scenario)[1]?.expect.concurrency).toBe("parallel");
});
