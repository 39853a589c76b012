import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readProgram, readScenario, readScenarios } from "../catalogue/catalogue.ts";
import { differences, judgeRun } from "../harness/judge.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { leftovers, processesIn } from "../testing/leftovers.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const SOON = { timeout: 15_000, interval: 100 };

/** The commands' folder of temporary files, in which they create the folders of all Orthancs. */
let folder: string;
let started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "cli-"));
});

afterEach(async () => {
  for (const { pid } of started) interrupt(pid, "SIGKILL");
  started = [];
  await expect.poll(() => processesIn(folder), SOON).toEqual([]);
  await rm(folder, { recursive: true });
});

/** Sends a signal to a command and everything that it has started, as a terminal does. */
function interrupt(pid: number | undefined, signal: NodeJS.Signals = "SIGINT") {
  try {
    if (pid) process.kill(-pid, signal);
  } catch {
    // All of them have ended.
  }
}

/** Runs a command of package.json to its end. */
async function run(command: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = await execa("npm", ["run", "-s", command, "--", ...args], {
    cwd: REPOSITORY,
    env: { TMPDIR: folder },
    reject: false,
  });
  return { exitCode, stdout, stderr };
}

/** Starts a command as the leader of a process group, and returns its output up to a word. */
async function start(until: string, command: string, ...args: string[]) {
  const child = spawn("npm", ["run", "-s", command, "--", ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  started.push(child);
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const printed = await new Promise<string>((resolve, reject) => {
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        text += data;
        if (text.includes(until)) resolve(text);
      });
    }
    exit.then(() => reject(new Error(`It has never printed "${until}": ${text}`)));
  });
  return { pid: child.pid, printed, exit };
}

/** Interrupts a command: it must end soon, and everything that it has started soon after. */
async function expectCleanEnd({ pid, exit }: Awaited<ReturnType<typeof start>>, ports: number[]) {
  expect(await readdir(folder)).toHaveLength(1);
  const since = performance.now();
  interrupt(pid);
  await exit;
  expect(performance.now() - since).toBeLessThan(10_000);
  await expect.poll(() => processesIn(folder), SOON).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  const left = leftovers({ folder, ports });
  expect(left.filter((what) => what.startsWith("port"))).toEqual([]);
}

const TOKEN = /Bearer /;
/** The stack of an error, which must not be printed for readers. */
const STACK = /^\s+at .*\d+:\d+/m;

const all = await readScenarios();
const others = all.filter(({ id, twins }) => twins && id !== "rest-token").map(({ id }) => id);

describe("npm run example", () => {
  test("-- --list lists all examples", async () => {
    const { exitCode, stdout } = await run("example", "--list");
    expect(exitCode).toBe(0);
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual(
      all.map(({ id, summary }) => [id, summary]),
    );
  });

  test.each([
    ["an unknown id", ["no-such-example"], 'There is no example "no-such-example".'],
    ["no id", [], "Name an example: "],
  ])("with %s ends with exit code 2 and names those that exist", async (_, args, words) => {
    const { exitCode, stdout, stderr } = await run("example", ...args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(words);
    for (const { id } of all) expect(stderr).toContain(id);
    expect(stderr).not.toMatch(STACK);
  });

  test.each([
    ["twin", ["rest-token", "--twin", "cobol"], /'cobol' is invalid.*python, typescript/],
    ["option", ["rest-token", "--fast"], /unknown option '--fast'/],
    ["second example", ["rest-token", "worker-pool"], /too many arguments/],
  ])("with an unknown %s ends with an error in words", async (_, args, words) => {
    const { exitCode, stdout, stderr } = await run("example", ...args);
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(STACK);
  });

  test("-- rest-token --json prints both runs, which agree, and no token", async () => {
    const { exitCode, stdout, stderr } = await run("example", "rest-token", "--json");
    expect(stderr).not.toMatch(TOKEN);
    expect(exitCode).toBe(0);
    expect(stdout).not.toMatch(TOKEN);
    const printed = JSON.parse(stdout) as {
      scenario: string;
      runs: ProgramRun[];
      problems: string[];
    };
    expect(printed).toMatchObject({ scenario: "rest-token", problems: [] });
    const [python, typescript, ...more] = printed.runs;
    if (!python || !typescript) throw new Error(`There are ${printed.runs.length} runs.`);
    expect(more).toEqual([]);
    expect([python.language, typescript.language]).toEqual(["python", "typescript"]);
    const scenario = await readScenario("rest-token");
    expect(judgeRun(scenario, python).problems).toEqual([]);
    expect(judgeRun(scenario, typescript).problems).toEqual([]);
    expect(differences(scenario, python, typescript)).toEqual([]);
    expect(JSON.parse(python.steps[0]?.calls[0]?.body ?? "")).toHaveLength(3);
    expect(await readdir(folder)).toEqual([]);
  });

  test("-- rest-token --twin python prints a transcript of that twin alone", async () => {
    const { exitCode, stdout } = await run("example", "rest-token", "--twin", "python");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("== python ==");
    expect(stdout).not.toContain("typescript");
    const { steps } = await readProgram("rest-token", "python");
    for (const step of steps) {
      if (step.do !== "request") continue;
      expect(stdout).toContain(`${step.name}\n  > ${step.method} ${step.path}`);
    }
    expect(stdout).toMatch(/\n {2}< 200 application\/json after \d+\.\d{2,3} s\n/);
    expect(stdout).not.toMatch(TOKEN);
  });

  test("leaves nothing when it is interrupted", async () => {
    const example = await start("python: starting Orthanc", "example", "blocking-computation");
    await expect.poll(() => readdir(folder), SOON).toHaveLength(1);
    await expectCleanEnd(example, []);
  });
});

describe("npm run orthanc", () => {
  test.each(["python", "typescript"])(
    "prints how to try the %s twin, and leaves nothing",
    async (twin) => {
      const orthanc = await start(
        "Ctrl-C ends it.",
        "orthanc",
        "--example",
        "rest-token",
        "--program",
        twin,
      );
      const { printed } = orthanc;
      const value = (name: string) =>
        new RegExp(`^ *${name} +(\\S+)$`, "m").exec(printed)?.[1] ?? `(no ${name})`;
      expect(printed).toContain(`Orthanc serves the program "${twin}" of rest-token.`);
      expect(printed).not.toMatch(TOKEN);
      const url = value("URL");
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect((await fetch(`${url}/computation`)).status).toBe(401);

      const line = /^ +(curl .*)$/m.exec(printed)?.[1] ?? "(no curl line)";
      expect(line).toContain(`'${url}/computation'`);
      expect(line).not.toContain(value("password"));
      const said = await execa("sh", ["-c", line], { reject: false });
      let body = said.stdout;
      if (said.exitCode === 127) {
        console.warn("Skipped: the curl line as printed, for this machine has no curl");
        const authorization = `Basic ${btoa(`${value("user")}:${value("password")}`)}`;
        body = await (await fetch(`${url}/computation`, { headers: { authorization } })).text();
      }
      const { instances } = await readProgram("rest-token", "python");
      expect(JSON.parse(body)).toHaveLength(instances.length);

      await expectCleanEnd(orthanc, [
        Number(new URL(url).port),
        Number(new URL(`http://${value("DICOM")}`).port),
      ]);
    },
  );

  test.each(others)("prints a curl line for %s that the twin answers", async (id) => {
    const orthanc = await start("Ctrl-C ends it.", "orthanc", "--example", id);
    const line = /^ +curl (.*)$/m.exec(orthanc.printed)?.[1] ?? "(no curl line)";
    expect(line).toMatch(/'http:[^'{}]+'$/);
    expect(line).not.toMatch(/INSTANCE|undefined/);
    const status = await execa("sh", ["-c", `curl -s -o /dev/null -w '%{http_code}' ${line}`], {
      reject: false,
    });
    if (status.exitCode === 127) {
      console.warn("Skipped: the curl line as printed, for this machine has no curl");
    } else {
      const [step] = (await readProgram(id, "python")).steps;
      expect(step).toMatchObject({ expect: { status: Number(status.stdout) } });
    }
    await expectCleanEnd(orthanc, []);
  });

  test("says how it ended when Orthanc ends by itself", async () => {
    const orthanc = await start("Ctrl-C ends it.", "orthanc", "--example", "rest-token");
    const [, user, password] = /user +(\S+)\s+password +(\S+)/.exec(orthanc.printed) ?? [];
    const url = /http:\S+/.exec(orthanc.printed)?.[0];
    const authorization = `Basic ${btoa(`${user}:${password}`)}`;
    await fetch(`${url}/tools/shutdown`, { method: "POST", headers: { authorization } });
    await orthanc.exit;
    expect(started[0]?.exitCode).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([
    ["an unknown example", ["--example", "no-such-example"], 2, /no example "no-such-example"/],
    [
      "an unknown program",
      ["--example", "rest-token", "--program", "cobol"],
      2,
      /rest-token has no program "cobol". Its programs are: python, typescript/,
    ],
    ["no example", [], 1, /required option '--example <id>' not specified/],
  ])("with %s ends with an error in words", async (_, args, code, words) => {
    const { exitCode, stdout, stderr } = await run("orthanc", ...args);
    expect(exitCode).toBe(code);
    expect(stdout).toBe("");
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(STACK);
  });
});
