/**
 * The programs of several hazards are nearly the same text, so that each can be copied whole. What differs is listed
 * here, line by line: a change of one must be made in all.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { EXAMPLES } from "../catalogue/catalogue.ts";

const HAZARDS = path.join(EXAMPLES, "hazards");

/** The lines that the second of two texts has not, after a minus, and those that only it has, after a plus. */
async function compare(one: string, other: string): Promise<string[]> {
  const formats = ["--old-line-format=-%L", "--new-line-format=+%L", "--unchanged-line-format="];
  const files = [one, other].map((file) => path.join(HAZARDS, file));
  const { stdout, exitCode } = await execa("diff", [...formats, ...files], { reject: false });
  expect(exitCode).toBeLessThan(2);
  return stdout.split("\n").filter((line) => line !== "");
}

const shorterDeadline = ["-DEADLINE = 30  # seconds", "+DEADLINE = 2  # seconds"];
const oneWorker = ["-pool = WorkerPool(2)", "+pool = WorkerPool(1)"];

test.each<[hazard: string, lines: string[]]>([
  ["alarm", shorterDeadline],
  ["deaf-worker", [...shorterDeadline, ...oneWorker]],
  ["killed-worker", []],
  [
    "pool-before-functions",
    ["-pool = WorkerPool(2)", "+pool = WorkerPool(2)  # below the functions that its workers run"],
  ],
  ["respawned-worker", oneWorker],
  ["signals", []],
  [
    "start-method",
    [
      "-pool = WorkerPool(2)",
      "+pool = WorkerPool(2)  # It calls os.fork(), on every version of Python.",
    ],
  ],
])("%s: the fixed Python program is that of idle-worker, but for %j", async (hazard, lines) => {
  const difference = compare("idle-worker/fixed/plugin.py", `${hazard}/fixed/plugin.py`);
  expect(await difference).toEqual(lines);
});

const deadlineOfNode = [
  "-const DEADLINE = 30_000; // milliseconds",
  "+const DEADLINE = 10_000; // milliseconds",
];

test.each<[hazard: string, lines: string[]]>([
  ["alarm", deadlineOfNode],
  ["deaf-worker", deadlineOfNode],
  ["killed-worker", []],
  ["respawned-worker", []],
  ["start-method", ["+  // It runs process.execPath. That is Node here, not Orthanc."]],
])("%s: the fixed TypeScript program is that of signals, but for %j", async (hazard, lines) => {
  const difference = compare("signals/fixed/plugin.ts", `${hazard}/fixed/plugin.ts`);
  expect(await difference).toEqual(lines);
  expect(await compare("signals/fixed/worker.ts", `${hazard}/fixed/worker.ts`)).toEqual([]);
});

const replacedWorkers = [
  '-pool = multiprocessing.get_context("fork").Pool(2)',
  "+# Each worker is replaced after one task, against memory leaks.",
  '+pool = multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1)',
];

test.each<[hazard: string, lines: string[]]>([
  ["deaf-worker", [...shorterDeadline, ...replacedWorkers]],
  ["respawned-worker", replacedWorkers],
  ["signals", []],
])("%s: the failing Python program is that of idle-worker, but for %j", async (hazard, lines) => {
  const difference = compare("idle-worker/failing/plugin.py", `${hazard}/failing/plugin.py`);
  expect(await difference).toEqual(lines);
});

test.each<[hazard: string, file: string, lines: string[]]>([
  [
    "idle-worker",
    "plugin.py",
    [
      "-import multiprocessing",
      "-from routes import HttpError, route",
      "+from pool import WorkerPool",
      "+from routes import route",
      '-pool = multiprocessing.get_context("fork").Pool(2)',
      "+pool = WorkerPool(2)",
      "-    try:",
      "-        total = pool.apply_async(compute, (count,)).get(DEADLINE)",
      "-    except multiprocessing.TimeoutError as error:",
      '-        raise HttpError(504, "no worker finished in time") from error',
      "+    total = pool.run(DEADLINE, compute, count)",
      "-        pool.terminate()",
      "+        pool.close()",
    ],
  ],
  [
    "killed-worker",
    "plugin.py",
    [
      "-import multiprocessing",
      "+from pool import WorkerPool",
      "+DEADLINE = 30  # seconds",
      "+",
      '-pool = multiprocessing.get_context("fork").Pool(2)',
      "+pool = WorkerPool(2)",
      "-    total = pool.apply(compute, (count,))  # Hangs if its worker dies.",
      "+    total = pool.run(DEADLINE, compute, count)",
      "-        pool.terminate()",
      "+        pool.close()",
    ],
  ],
  [
    "token-in-callback",
    "plugin.py",
    [
      "+token = orthanc.GenerateRestApiAuthorizationToken()",
      "-    token = orthanc.GenerateRestApiAuthorizationToken()",
    ],
  ],
  [
    "overridden-route",
    "plugin.py",
    [
      '-    statistics = json.loads(orthanc.RestApiGetAfterPlugins("/statistics"))',
      '+    statistics = json.loads(orthanc.RestApiGet("/statistics"))',
    ],
  ],
  [
    "overridden-route",
    "plugin.ts",
    [
      "-/** Serves GET /statistics: Orthanc's own statistics, and its name. */",
      "+/** Serves GET /named-statistics: Orthanc's own statistics, and its name. */",
      '-routes.get("/statistics", async (context) => {',
      '+routes.get("/named-statistics", async (context) => {',
    ],
  ],
])("%s: what is fixed in %s", async (hazard, file, lines) => {
  const difference = compare(`${hazard}/failing/${file}`, `${hazard}/fixed/${file}`);
  expect(await difference).toEqual(lines);
});

test.each([
  ["module-name/failing/token.py", "module-name/fixed/plugin.py"],
  ["module-name/failing/token.py", "plugin-named-orthanc/failing/orthanc.py"],
  ["module-name/failing/token.py", "plugin-named-orthanc/fixed/plugin.py"],
  ["module-name/fixed/crypto.ts", "plugin-named-orthanc/fixed/orthanc.ts"],
  ["killed-worker/failing/worker.ts", "killed-worker/fixed/worker.ts"],
  ["pool-before-functions/failing/worker.ts", "pool-before-functions/fixed/worker.ts"],
  ["pool-before-functions/failing/worker.ts", "waiting-while-loading/fixed/worker.ts"],
])("%s is %s", async (one, other) => {
  expect(await compare(one, other)).toEqual([]);
});

test("each program fits on a screen: 60 lines of 80 columns", async () => {
  const all = await readdir(HAZARDS, { recursive: true });
  const programs = all.filter((file) => /\/(failing|fixed)\/.+\.(py|ts)$/.test(file));
  expect(programs.length).toBeGreaterThan(60);
  for (const file of programs) {
    const lines = (await readFile(path.join(HAZARDS, file), "utf8")).trimEnd().split("\n");
    expect(lines.length, file).toBeLessThanOrEqual(60);
    const long = lines.filter((line) => [...line].length > 80);
    expect(long, file).toEqual([]);
  }
});
