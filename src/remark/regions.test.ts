import { expect, test } from "vitest";
import { checkTwins, findRegion, parseRegions } from "./regions.ts";

const PYTHON = `import orthanc

# region callback
def on_rest(output, uri, **request):

    # region-wise is not a mark
    output.AnswerBuffer("ok", "text/plain")

# endregion
# region register
orthanc.RegisterRestCallback("/x", on_rest)
# endregion
`;

const TYPESCRIPT = `// #region callback
const answer = "ok";
// #endregion
if (answer) {
  // #region register
  serve(answer);
  // #endregion
}
`;

test("takes a Python file apart", () => {
  const { text, regions } = parseRegions(PYTHON, "plugin.py");
  expect(regions).toEqual([
    {
      name: "callback",
      line: 3,
      text: 'def on_rest(output, uri, **request):\n\n    # region-wise is not a mark\n    output.AnswerBuffer("ok", "text/plain")\n',
    },
    { name: "register", line: 10, text: 'orthanc.RegisterRestCallback("/x", on_rest)\n' },
  ]);
  expect(text).toBe(
    PYTHON.split("\n")
      .filter((line) => !/^# (end)?region( |$)/.test(line))
      .join("\n"),
  );
});

test("takes a TypeScript file apart, and keeps indentation", () => {
  const { text, regions } = parseRegions(TYPESCRIPT, "plugin.ts");
  expect(regions.map(({ name, text: of }) => [name, of])).toEqual([
    ["callback", 'const answer = "ok";\n'],
    ["register", "  serve(answer);\n"],
  ]);
  expect(text).toBe('const answer = "ok";\nif (answer) {\n  serve(answer);\n}\n');
});

test("a file of another language has no marks", () => {
  const source = '{ "a": 1 }\n# region b\n';
  expect(parseRegions(source, "x.json")).toEqual({ file: "x.json", text: source, regions: [] });
});

test.each([
  ["not closed", "a\n# region one\nb\n", /^x\.py:2: region "one" is not closed; put "# endregion"/],
  ["closed without being open", "a\n# endregion\n", /^x\.py:2: "# endregion" closes nothing/],
  [
    "nested",
    "# region one\na\n# region two\nb\n# endregion\n",
    /^x\.py:3: region "two" opens inside "one" of line 1/,
  ],
  ["empty", "# region one\n\n  \n# endregion\n", /^x\.py:1: region "one" is empty/],
  [
    "defined twice",
    "# region one\na\n# endregion\n# region one\nb\n# endregion\n",
    /^x\.py:4: region "one" is already defined at x\.py:1; rename/,
  ],
  [
    "not in kebab-case",
    "# region oneTwo\na\n# endregion\n",
    /^x\.py:1: "oneTwo" is not a valid name/,
  ],
  ["without a name", "# region\na\n# endregion\n", /^x\.py:1: "# region" is not a mark/],
  [
    "closed with a name",
    "# region one\na\n# endregion one\n",
    /^x\.py:3: "# endregion one" is not/,
  ],
  [
    "marked as in TypeScript",
    "# #region one\na\n# #endregion\n",
    /^x\.py:1: "# #region one" is not/,
  ],
  ["marked without the space", "#region one\na\n#endregion\n", /^x\.py:1: "#region one" is not/],
])("fails if a region is %s", (_, source, message) => {
  expect(() => parseRegions(source, "x.py")).toThrow(message);
});

test("fails if a TypeScript file has the marks of Python", () => {
  expect(() => parseRegions("// region one\na\n// endregion\n", "x.ts")).toThrow(
    /^x\.ts:1: "\/\/ region one" is not a mark that is known; write "\/\/ #region NAME"/,
  );
});

test("names every mistake of a file", () => {
  expect(() =>
    parseRegions("# endregion\n# region one\n# endregion\n# region two\n", "x.py"),
  ).toThrow(/^x\.py:1: .*\nx\.py:2: .*\nx\.py:4: [^\n]*$/);
});

test("finds a region in whichever file of a twin has it", () => {
  const plugin = parseRegions(TYPESCRIPT, "plugin.ts");
  const worker = parseRegions("// #region work\nrun();\n// #endregion\n", "worker.ts");
  const found = findRegion([plugin, worker], "work");
  expect(found.file).toBe(worker);
  expect(found.region.text).toBe("run();\n");
});

test("fails if no file has the region, and lists all regions", () => {
  expect(() => findRegion([parseRegions(TYPESCRIPT, "plugin.ts")], "work")).toThrow(
    'plugin.ts: there is no region "work"; there are "callback", "register".',
  );
});

test("accepts twins with the same regions, in any order and any file", () => {
  const worker = parseRegions("// #region work\nrun();\n// #endregion\n", "worker.ts");
  const python = parseRegions(`# region work\nrun()\n# endregion\n${PYTHON}`, "plugin.py");
  expect(() => checkTwins([python], [parseRegions(TYPESCRIPT, "plugin.ts"), worker])).not.toThrow();
});

test("fails where one twin lacks a region, on either side", () => {
  const one = parseRegions("# region one\na\n# endregion\n", "plugin.py");
  const two = parseRegions("// #region two\na\n// #endregion\n", "plugin.ts");
  expect(() => checkTwins([one], [two])).toThrow(
    /^plugin\.py:1: region "one" has no TypeScript twin; .* plugin\.ts, .*\nplugin\.ts:1: region "two" has no Python twin/,
  );
});

test("fails where two files of a twin define the same region", () => {
  const one = parseRegions("# region one\na\n# endregion\n", "plugin.py");
  const files = ["plugin.ts", "worker.ts"].map((file) =>
    parseRegions("// #region one\na\n// #endregion\n", file),
  );
  expect(() => checkTwins([one], files)).toThrow(
    'worker.ts:1: region "one" is already defined at plugin.ts:1; rename one of them.',
  );
});
