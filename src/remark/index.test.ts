import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { evaluate } from "@mdx-js/mdx";
import { createElement } from "react";
import * as runtime from "react/jsx-runtime";
import { renderToStaticMarkup } from "react-dom/server";
import { VFile } from "vfile";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PageElements } from "../protocol/page.ts";
import { ELEMENTS } from "./elements.ts";
import remarkExamples from "./index.ts";

const ORIGIN = { recordedAt: "2025", versions: {}, release: "bookworm" };
const FALL = { program: "failing python", language: "python", variant: "failing" };

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "remark-"));
  await write(
    "examples/ping/plugin.py",
    'import orthanc\n# region callback\nname = "<py>"\n# endregion\n# region work\nrun()\n# endregion\n',
  );
  await write(
    "examples/ping/plugin.ts",
    'import "node:http";\n// #region callback\nconst name = "ts";\n// #endregion\n',
  );
  await write("examples/ping/worker.ts", "// #region work\nrun();\n// #endregion\n");
  await write("examples/bridge/settings.json", '{ "Node": {} }\n');
  await write(
    "examples/ping/scenario.json",
    JSON.stringify({
      summary: "It answers.",
      page: "/ping",
      routes: ["/ping"],
      steps: [{ name: "A call", path: "/ping", expect: { status: 200 } }],
    }),
  );
  await write(
    "examples/hazards/fall/scenario.json",
    JSON.stringify({
      summary: "It falls.",
      page: "/hazards/fall",
      steps: [{ name: "A call", path: "/fall", expect: { status: 200 } }],
      programs: [
        { variant: "failing", language: "python" },
        { variant: "failing", language: "typescript", impossible: "There is no ground in Node." },
        { variant: "fixed", language: "python" },
      ],
    }),
  );
  await write("examples/hazards/fall/failing/plugin.py", "# region jump\njump()\n# endregion\n");
  await write("static/runs/hazards/fall.json", JSON.stringify({ ...ORIGIN, runs: [FALL] }));
  await write("static/runs/ping.json", JSON.stringify({ ...ORIGIN, scenario: "ping" }));
});

afterEach(() => rm(root, { recursive: true }));

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), text);
}

/** Compiles and renders a page as the site does; returns what each of our components was given. */
async function render(text: string): Promise<{ name: string; props: Record<string, unknown> }[]> {
  const given: { name: string; props: Record<string, unknown> }[] = [];
  const page = new VFile({ path: path.join(root, "docs/page.mdx"), value: text });
  const { default: Page } = await evaluate(page, {
    ...runtime,
    remarkPlugins: [[remarkExamples, { root }]],
  });
  const record = (name: string) => (props: Record<string, unknown>) => {
    given.push({ name, props });
    return null;
  };
  const components = Object.fromEntries(
    [
      "Twins",
      "CodeBlock",
      "RecordedRun",
      "Hazard",
      "AccessTable",
      "Benchmark",
      "Mutations",
      "Diagram",
    ].map((name) => [name, record(name)]),
  );
  renderToStaticMarkup(createElement(Page, { components }));
  return given;
}

/** Returns the visible text of highlighted code. */
function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]+>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

interface Shown {
  file: string;
  html: string;
  region?: string;
  whole?: string;
}

function shownIn(twin: unknown): Shown[] {
  return twin as Shown[];
}

test("shows a region of both twins, and carries the files it comes from without the marks", async () => {
  const [twins, ...others] = await render('# Title\n\n<Twins example="ping" region="work" />\n');
  expect(others).toEqual([]);
  expect(twins?.name).toBe("Twins");
  const [python] = shownIn(twins?.props.python);
  const [typescript] = shownIn(twins?.props.typescript);
  expect(python).toMatchObject({
    file: "examples/ping/plugin.py",
    region: "work",
    whole: 'import orthanc\nname = "<py>"\nrun()\n',
  });
  expect(textOf(python?.html ?? "")).toBe("run()\n");
  expect(typescript).toMatchObject({ file: "examples/ping/worker.ts", whole: "run();\n" });
  expect(textOf(typescript?.html ?? "")).toBe("run();\n");
});

test("shows whole files, without the marks", async () => {
  const [twins] = await render('<Twins example="ping" />\n');
  const shown = (twin: unknown) =>
    shownIn(twin).map(({ file, html, region, whole }) => [file, textOf(html), region, whole]);
  expect(shown(twins?.props.python)).toEqual([
    ["examples/ping/plugin.py", 'import orthanc\nname = "<py>"\nrun()\n', undefined, undefined],
  ]);
  expect(shown(twins?.props.typescript)).toEqual([
    ["examples/ping/plugin.ts", 'import "node:http";\nconst name = "ts";\n', undefined, undefined],
    ["examples/ping/worker.ts", "run();\n", undefined, undefined],
  ]);
});

test("highlights", async () => {
  const [block] = await render('<Source file="ping/plugin.py" region="callback" />\n');
  expect(block).toMatchObject({
    name: "CodeBlock",
    props: {
      code: {
        file: "examples/ping/plugin.py",
        region: "callback",
        html: 'name <span class="tok-keyword">= </span><span class="tok-string-expression">"&lt;py&gt;"</span>\n',
      },
    },
  });
});

test("shows one file below examples/", async () => {
  const [block] = await render('<Source file="bridge/settings.json" />\n');
  const code = block?.props.code as Shown;
  expect(code.file).toBe("examples/bridge/settings.json");
  expect(textOf(code.html)).toBe('{ "Node": {} }\n');
});

test("shows a block of the page itself", async () => {
  const [block] = await render("```bash\nnpm start\n\ncurl x\n```\n");
  const code = block?.props.code as Shown & { language: string };
  expect(code.language).toBe("Shell");
  expect(code.file).toBeUndefined();
  expect(textOf(code.html)).toBe("npm start\n\ncurl x\n");
});

test("hands the recorded run to its component", async () => {
  expect(await render('<RecordedRun example="ping" />\n')).toEqual([
    { name: "RecordedRun", props: { record: { ...ORIGIN, scenario: "ping" } } },
  ]);
});

test.each([
  [
    "an unknown example",
    '\n<Twins example="pong" />',
    'docs/page.mdx:2: There is no example "pong". The examples are: hazards/fall, ping.',
  ],
  [
    "an unknown region",
    '<Twins example="ping" region="nothing" />',
    'docs/page.mdx:1: examples/ping/plugin.py: there is no region "nothing"; there are "callback", "work".',
  ],
  [
    "an unknown file",
    '<Source file="bridge/bridge.py" />',
    "docs/page.mdx:1: there is no file examples/bridge/bridge.py.",
  ],
  [
    "a recorded run of an unknown example",
    '<RecordedRun example="pong" />',
    'docs/page.mdx:1: There is no example "pong".',
  ],
  [
    "an access table of an example without columns",
    '\n<AccessTable example="ping" />',
    'docs/page.mdx:2: "ping" has no columns: it is not a table.',
  ],
  [
    "an access table of an unknown example",
    '<AccessTable example="pong" />',
    'docs/page.mdx:1: There is no example "pong".',
  ],
  ["a missing attribute", '<Twins region="work" />', '<Twins> lacks its attribute "example"'],
  [
    "an unknown attribute",
    '<Twins example="ping" part="work" />',
    "an attribute that is not known",
  ],
  ["an attribute that is an expression", "<Twins example={1} />", "no plain text"],
  ["an element inside text", 'See <RecordedRun example="ping" />', "stands inside other text"],
  [
    "a fence without a language",
    "```\nx\n```",
    "docs/page.mdx:1: a block of code names no language",
  ],
  ["a fence in an unknown language", "```cobol\nx\n```", "names no language that is known"],
])("fails on %s", async (_, text, message) => {
  await expect(render(text)).rejects.toThrow(message);
});

test("fails if one twin lacks a region, whatever the page shows of the example", async () => {
  await write("examples/ping/worker.ts", "run();\n");
  await expect(render('<Twins example="ping" region="callback" />')).rejects.toThrow(
    'examples/ping/plugin.py:5: region "work" has no TypeScript twin',
  );
});

test("fails if a region is not closed", async () => {
  await write("examples/ping/plugin.ts", "// #region callback\nrun();\n");
  await expect(render('<Twins example="ping" />')).rejects.toThrow(
    'examples/ping/plugin.ts:1: region "callback" is not closed',
  );
});

test("a hazard: its programs of one variant, with their recorded runs, or why there is none", async () => {
  const [hazard] = await render('<Hazard name="fall" variant="failing" region="jump" />');
  const { scenario, programs, origin } = (hazard?.props ?? {}) as PageElements["Hazard"];
  expect(scenario).toBe("hazards/fall");
  expect(origin).toEqual(ORIGIN);
  const [python, typescript] = programs;
  expect(textOf(python?.code[0]?.html ?? "")).toBe("jump()\n");
  expect(python?.run).toEqual(FALL);
  expect(typescript).toEqual({
    language: "typescript",
    code: [],
    impossible: "There is no ground in Node.",
  });
});

test("the access table is the recorded one", async () => {
  const rows = [{ credential: "A token", expect: [200] }];
  await write(
    "examples/token-access/scenario.json",
    JSON.stringify({
      summary: "It lets in.",
      page: "/token-access",
      columns: [{ name: "Built-in", method: "GET", path: "/instances" }],
      programs: [{ language: "python", rows }],
    }),
  );
  await write("static/runs/token-access.json", JSON.stringify(ORIGIN));
  const [access] = await render('<AccessTable example="token-access" />');
  expect(access?.props).toEqual({ record: ORIGIN });
  await expect(render("<AccessTable />")).rejects.toThrow('write <AccessTable example="…" /> on');
});

test("a hazard has no twins", async () => {
  for (const element of ["Twins", "RecordedRun"]) {
    const page = render(`<${element} example="hazards/fall" />`);
    await expect(page).rejects.toThrow("has no twins");
  }
});

test("a missing record is named, with the command that makes it", async () => {
  await rm(path.join(root, "static/runs/ping.json"));
  await expect(render('<RecordedRun example="ping" />')).rejects.toThrow(
    "there is no file static/runs/ping.json. Make it: npm run record",
  );
});

test("a fixed hazard: the changes of each program that has a failing one", async () => {
  await write("examples/hazards/fall/fixed/plugin.py", "step()\n");
  const [shown] = await render('<Hazard name="fall" variant="fixed" />');
  const { programs } = (shown?.props ?? {}) as PageElements["Hazard"];
  expect(programs).toMatchObject([
    { language: "python", changes: [{ file: "plugin.py", added: 1, removed: 1 }] },
    { language: "typescript", changes: [] },
  ]);
});

test("the table of broken twins has those that the harness tries", async () => {
  const mutation = {
    what: "A wrong body",
    id: "ping",
    file: "plugin.ts",
    replace: { pong: "ping" },
    caughtBy: "comparison",
    report: "body pong and ping",
  };
  const checks = {
    expectation: "what the example expects",
    comparison: "the comparison of the twins",
    variations: "the variations",
    limit: "a limit",
    hazard: "what the hazard expects",
    end: "the end of the run",
  };
  await write("src/catalogue/mutations.json", JSON.stringify({ checks, mutations: [mutation] }));
  const [mutations] = await render("<Mutations />");
  expect(mutations?.props).toEqual({
    rows: [
      {
        what: "A wrong body",
        program: "ping/plugin.ts",
        caughtBy: "the comparison of the twins",
        report: "body pong and ping",
      },
    ],
  });
});

test("a benchmark is the one that was kept", async () => {
  await write("static/benchmarks/speed.json", '{ "measures": [] }');
  const [benchmark] = await render('<Benchmark name="speed" />');
  expect(benchmark?.props).toEqual({ benchmark: { measures: [] } });
  await expect(render('<Benchmark name="none" />')).rejects.toThrow("Make it: npm run benchmark");
});

test.each([
  ['<Hazard name="none" variant="failing" />', 'no example "hazards/none"'],
  ['<Hazard name="fall" variant="fixing" />', '"failing" or "fixed", not "fixing"'],
])("%s is refused", async (element, reason) => {
  await expect(render(element)).rejects.toThrow(reason);
});

test("a graph is drawn, and needs its words", async () => {
  const graph = 'digraph { one [class="process"]; one -> two [label="asks"] }';
  const [diagram] = await render(`\`\`\`dot One asks two.\n${graph}\n\`\`\``);
  expect(diagram?.props.words).toBe("One asks two.");
  const svg = diagram?.props.svg as string;
  expect(svg).toMatch(/^<svg aria-hidden="true" .*<\/svg>$/s);
  expect(svg).toContain('class="node process"');
  expect(svg).toContain(">asks<");
  expect(svg).not.toMatch(/fill=|stroke=|font-family=/);
  await expect(render(`\`\`\`dot\n${graph}\n\`\`\``)).rejects.toThrow("lacks its words");
  await expect(render("```dot One.\ndigraph {\n```")).rejects.toThrow(/syntax error/);
});

test("each element names the files and folders that its page depends on", () => {
  const given = { example: "ping", name: "fall", file: "pool/pool.py", for: "twins" };
  const dependencies = Object.entries(ELEMENTS).map(([name, one]) => [
    name,
    one.dependencies(given),
  ]);
  expect(Object.fromEntries(dependencies)).toEqual({
    Twins: ["examples/ping", "static/runs/ping.json"],
    Source: ["examples/pool/pool.py"],
    RecordedRun: ["examples/ping", "static/runs/ping.json"],
    Hazard: ["examples/hazards/fall", "static/runs/hazards/fall.json"],
    AccessTable: ["examples/ping", "static/runs/ping.json"],
    Benchmark: ["static/benchmarks/fall.json"],
    Mutations: ["src/catalogue/mutations.json"],
    Licenses: ["package-lock.json", "src/licenses/shipped.json"],
  });
});
