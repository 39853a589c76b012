import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EXAMPLES, readScenario, type Scenario, scenarioIds } from "../catalogue/catalogue.ts";
import { LANGUAGES } from "../protocol/programs.ts";
import type { RecordOrigin } from "../protocol/record.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { RecordError, readRecord, writeRecord } from "./record.ts";

const RUNS = path.resolve(EXAMPLES, "../static/runs");

let root: string;
/** A copy of an example. Its id leads its record out of `static/runs/`, beside the copy. */
let copy: Scenario;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "record-"));
  const example = await readScenario("rest-token");
  const folder = path.join(root, "example");
  await cp(example.folder, folder, { recursive: true });
  copy = { ...example, folder, id: path.relative(RUNS, path.join(root, "record")) };
});

afterEach(() => rm(root, { recursive: true }));

const ORIGIN: RecordOrigin = {
  release: "bookworm",
  versions: { orthanc: "1.10.1", plugin: "4.0", python: "3.11.2", node: "20.20.2" },
  recordedAt: "2025-01-01T00:00:00.000Z",
};

/** Runs whose only answer has this body. */
function runsWith(body: string): ProgramRun[] {
  const calls = [{ startedAt: 0, endedAt: 1, status: 200, contentType: "text/plain", body }];
  return LANGUAGES.map((language) => ({
    program: language,
    language,
    start: { type: "answers" },
    steps: [{ name: "A call", action: "GET /computation", calls }],
    log: [],
  }));
}

const write = (body: string) => writeRecord(copy, ORIGIN, runsWith(body));

test("a record is read as it was written", async () => {
  const file = await write("pong");
  expect(path.resolve(file)).toBe(path.join(root, "record.json"));
  expect(await readRecord(copy)).toEqual({
    scenario: copy.id,
    ...ORIGIN,
    runs: runsWith("pong"),
    sources: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test("a missing record is named, with the command that makes it", async () => {
  const error = await readRecord(copy).catch((error) => error);
  expect(error).toBeInstanceOf(RecordError);
  expect(error.message).toBe(`${copy.id} has no recorded run. Run: npm run record -- ${copy.id}`);
});

describe("a record is refused when its example has changed since:", () => {
  const inFolder = (name: string) => path.join(copy.folder, name);
  test.each<[string, () => Promise<void>]>([
    ["the Python twin", () => append(inFolder("plugin.py"))],
    ["the TypeScript twin", () => append(inFolder("plugin.ts"))],
    ["its worker", () => append(inFolder("worker.ts"))],
    ["what is played", () => append(inFolder("scenario.json"))],
    ["a new file", () => writeFile(inFolder("more.py"), "")],
    ["a file less", () => rm(inFolder("worker.ts"))],
    ["a file's name", () => rename(inFolder("worker.ts"), inFolder("works.ts"))],
  ])("%s", async (_, change) => {
    await write("pong");
    await readRecord(copy);
    await change();
    const error = await readRecord(copy).catch((error) => error);
    expect(error).toBeInstanceOf(RecordError);
    expect(error.message).toContain(`has changed since its run was recorded. Run: npm run record`);
  });

  test("but not for its tests or what Python leaves", async () => {
    await write("pong");
    await append(inFolder("example.test.ts"));
    await writeFile(inFolder("plugin.pyc"), "");
    await expect(readRecord(copy)).resolves.toMatchObject({ scenario: copy.id });
  });

  async function append(file: string) {
    await writeFile(file, `${await readFile(file, "utf8")}\n`);
  }
});

describe("a secret is not recorded:", () => {
  test.each([
    ["a token", "Bearer 7a9d5a3e-3c25-4b52-9e9c-0f0d6f1c2b3a"],
    ["a password", `Basic ${btoa("reader:0123456789abcdef")}`],
    ["a token in JSON", JSON.stringify({ a: ["Bearer 7a9d5a3e-3c25-4b52-9e9c-0f0d6f1c2b3a"] })],
  ])("%s", async (_, body) => {
    await write("pong");
    const before = await readFile(path.join(root, "record.json"), "utf8");
    const error = await write(`The header: ${body}`).catch((error) => error);
    expect(error).toBeInstanceOf(RecordError);
    expect(error.message).toContain("A token or password is in an answer");
    expect(error.message).not.toContain("7a9d5a3e");
    expect(await readFile(path.join(root, "record.json"), "utf8")).toBe(before);
  });

  test("nor is a word that merely looks like one refused", async () => {
    await write("Bearer of news, Basic terms");
    await expect(readRecord(copy)).resolves.toBeTruthy();
  });
});

test("every record belongs to what can be played, and has neither secret nor path of a machine", async () => {
  const files = (await readdir(RUNS, { recursive: true })).filter((file) => path.extname(file));
  const ids = await scenarioIds();
  expect(files.sort()).toEqual(ids.map((id) => `${id}.json`).sort());
  for (const id of ids) {
    const text = await readFile(path.join(RUNS, `${id}.json`), "utf8");
    const record = JSON.parse(text);
    expect(Object.values(record)).toContain(id);
    expect(record.recordedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(text).not.toMatch(/\b(Bearer|Basic) [\w+/=-]{16,}/);
    expect(text).not.toMatch(/\/(home|root|tmp)\//);
    expect(text).not.toContain(path.dirname(EXAMPLES));
  }
});
