import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readProgram, readScenario, readScenarios } from "../catalogue/catalogue.ts";
import { differences } from "../harness/compare.ts";
import { judgeRun } from "../harness/judge.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { useCommands } from "../testing/runCommand.ts";

const SOON = { timeout: 15_000, interval: 100 };
/** The stack of an error, which must not be printed for readers. */
const STACK = /^\s+at .*\d+:\d+/m;
const TOKEN = /Bearer /;

const { run, runWithNpm, start, temporaryFiles, expectCleanEnd } = useCommands();
const all = await readScenarios();

describe("npm run example", () => {
  test("-- --list lists all examples", async () => {
    const { exitCode, stdout } = await runWithNpm("example", "--list");
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
    expect(await temporaryFiles()).toEqual([]);
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

  describe("if the second twin can't be played, prints the run of the first, then the error:", () => {
    // Of the guards that the command starts, one for each Orthanc, only the first is there.
    const PRELOAD = `
import child from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
const { spawn } = child;
let guards = 0;
child.spawn = (command, args, options) => {
  const isGuard = args.some((arg) => arg.endsWith("guard.js"));
  return spawn(isGuard && guards++ > 0 ? "/nowhere" : command, args, options);
};
syncBuiltinESMExports();
`;
    beforeEach(() => {
      const url = `data:text/javascript,${encodeURIComponent(PRELOAD)}`;
      vi.stubEnv("NODE_OPTIONS", `--import=${url}`);
    });
    afterEach(() => {
      vi.unstubAllEnvs();
    });
    const reason = /^Orthanc's guard did not start .*ENOENT.*$/m;

    test("as text", async () => {
      const { exitCode, stdout, stderr } = await run("example", "rest-token");
      expect(exitCode).toBe(1);
      expect(stdout).toContain("== python ==");
      expect(stdout).not.toContain("== typescript ==");
      expect(stdout).not.toContain("the same answers");
      expect(stderr).toMatch(reason);
      expect(stderr).not.toMatch(STACK);
    });

    test("as JSON", async () => {
      const { exitCode, stdout, stderr } = await run("example", "rest-token", "--json");
      expect(exitCode).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        runs: [{ program: "python" }],
        problems: [expect.stringMatching(reason)],
      });
      expect(stderr).toMatch(reason);
    });
  });

  test("leaves nothing when it is interrupted", async () => {
    const example = await start("python: starting Orthanc", "example", "blocking-computation");
    await expect.poll(temporaryFiles, SOON).toHaveLength(1);
    await expectCleanEnd([example]);
  });
});
