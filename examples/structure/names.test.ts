/** What the page about a plugin's layout says of names and of logic that stands alone. */
import path from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { EXAMPLES, readProgram } from "../../src/catalogue/catalogue.ts";
import { readProgramFiles, readSharedFiles } from "../../src/catalogue/files.ts";
import { findOrthanc, type Release } from "../../src/orthanc/installation.ts";
import { startOrthanc } from "../../src/orthanc/server.ts";
import { StartError } from "../../src/orthanc/startError.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { track } = useOrthancs();

const SCRIPT = 'import dataclasses\nimport orthanc\northanc.LogWarning("the script has run")\n';

/** Starts an Orthanc with a script, and returns its log. */
async function logWith(
  script: string,
  files: Record<string, string>,
  release?: Release,
): Promise<string> {
  return track(await startOrthanc({ script, files, release })).log();
}

/** Starts an Orthanc that must not start, and returns its message. */
async function refusalOf(
  script: string,
  files: Record<string, string>,
  release?: Release,
): Promise<string> {
  const error = await startOrthanc({ script, files, release }).then(
    (orthanc) => {
      track(orthanc);
      return undefined;
    },
    (error: unknown) => error,
  );
  expect(error, `${script} keeps Orthanc from starting`).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

/** An example's Python twin under another name, with what is copied along. */
async function pythonTwin(id: string, name: string): Promise<Record<string, string>> {
  const { "plugin.py": plugin, ...files } = await readProgramFiles(await readProgram(id, "python"));
  return { ...(await readSharedFiles("python")), ...files, [name]: plugin as string };
}

describe("a script's name", () => {
  test.each(["plugin.py", "my-plugin.py", "tokens.py"])("%s works", async (name) => {
    expect(await logWith(name, { [name]: SCRIPT })).toContain("the script has run");
  });

  test("orthanc.py: Orthanc starts without a word, and the script never runs", async () => {
    const log = await logWith("orthanc.py", { "orthanc.py": SCRIPT });
    expect(log).toContain('Using Python script "orthanc.py"');
    expect(log).toContain("Orthanc has started");
    expect(log).not.toContain("the script has run");
    expect(log).not.toMatch(/traceback|Error while initializing plugin/);
  });

  test.each([
    ["token.py", "rest-token", "from partially initialized module 'token'"],
    ["queue.py", "change-listener", "partially initialized module 'queue'"],
  ])("%s: Orthanc does not start with the twin of %s", async (name, example, reason) => {
    const refusal = await refusalOf(name, await pythonTwin(example, name));
    expect(refusal).toContain("Error while initializing plugin");
    expect(refusal).toContain(reason);
  });

  test("json.py: Orthanc starts, and each call fails", async () => {
    const files = await pythonTwin("scheduled-task", "json.py");
    const orthanc = track(await startOrthanc({ script: "json.py", files }));
    expect((await orthanc.request("/scheduled-task")).status).toBe(500);
    expect(await orthanc.log()).toContain("module 'json' has no attribute 'dumps'");
  });

  test("token.py beside the script: Orthanc does not start, either", async () => {
    const refusal = await refusalOf("plugin.py", { "plugin.py": SCRIPT, "token.py": "" });
    expect(refusal).toContain("cannot import name 'EXACT_TOKEN_TYPES' from 'token'");
  });

  test("token.py that imports logging: only Python 3.13 starts", async () => {
    const files = { "token.py": SCRIPT.replace("dataclasses", "logging") };
    expect(await refusalOf("token.py", files, "bookworm")).toContain("'EXACT_TOKEN_TYPES'");
    expect(await logWith("token.py", files, "trixie")).toContain("the script has run");
  });

  test.each([
    ["my.plugin.py", "No module named 'my'"],
    ["plugin.txt", 'Python script must have the ".py" file extension'],
  ])("%s: Orthanc does not start", async (name, reason) => {
    expect(await refusalOf(name, { [name]: SCRIPT })).toContain(reason);
  });
});

describe("in a Python without Orthanc", () => {
  /** Runs a program in the Python that the plugin uses, as a separate process. */
  async function python(folder: string, program: string) {
    const { orthanc, environment } = await findOrthanc();
    const interpreter = path.join(environment.PYTHONHOME ?? "/usr", "bin/python3");
    const [command = "", ...args] = [orthanc.command, ...orthanc.args].with(-1, interpreter);
    return execa(command, [...args, "-B", "-c", program], {
      cwd: path.join(EXAMPLES, folder),
      env: environment,
      reject: false,
      timeout: 30_000,
    });
  }

  test("pool.py can be tested", async () => {
    const { stdout, stderr } = await python(
      "pool",
      [
        "import os, time, pool",
        "workers = pool.WorkerPool(2)",
        "print(workers.run(10, pow, 2, 10))",
        "try: workers.run(10, os._exit, 1)",
        "except pool.WorkerDied as error: print(error)",
        "print(workers.run(10, pow, 2, 11))",
        "try: workers.run(0.2, time.sleep, 60)",
        "except pool.DeadlineExceeded as error: print(error)",
        "workers.close()",
      ].join("\n"),
    );
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual([
      "1024",
      "the worker has failed",
      "2048",
      "no worker finished within 0.2 seconds",
    ]);
  });

  test("plugin.py can't even be imported", async () => {
    const { stderr } = await python("worker-pool", "import plugin");
    expect(stderr).toContain("No module named 'orthanc'");
  });
});
