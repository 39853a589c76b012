import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { expect, test } from "vitest";
import type { Files } from "../../../src/catalogue/files.ts";
import { findOrthanc } from "../../../src/orthanc/installation.ts";
import { StartError } from "../../../src/orthanc/startError.ts";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const SOON = { timeout: 20_000, interval: 100 };

const { startExample } = useOrthancs();

/** Starts the failing Python program after a change. */
const startChanged = (change: (text: string) => string, others: Files = {}) =>
  startExample("hazards/start-method", "failing python", {
    edited: ({ "plugin.py": text = "" }) => ({ ...others, "plugin.py": change(text) }),
  });

test("spawn keeps Orthanc from starting, too", async () => {
  const start = startChanged((text) => text.replace('"forkserver"', '"spawn"'));
  await expect(start).rejects.toThrow(StartError);
});

test("inside Orthanc, sys.executable is not Python", async () => {
  const orthanc = await startChanged(
    (text) => `${text.replace('"forkserver"', '"fork"')}\nimport sys\nprint(sys.executable)\n`,
  );
  const { command } = orthanc.installation.orthanc;
  const executable = new RegExp(`^/.*/${path.basename(command)}$`, "m");
  expect(await orthanc.log()).toMatch(executable);
});

test("Orthanc takes Python's arguments for its own", async () => {
  const { orthanc, environment } = await findOrthanc();
  const args = [...orthanc.args, "-c", "print(1)"];
  const { exitCode, all } = await execa(orthanc.command, args, {
    env: environment,
    all: true,
    reject: false,
  });
  expect(all).toContain("Inexistent path to configuration: print(1)");
  expect(exitCode).not.toBe(0);
});

test("with set_executable workers are Python, without the module orthanc", async () => {
  const { environment } = await findOrthanc();
  const python = path.join(environment.PYTHONHOME ?? "/usr", "bin/python3");
  const set = (text: string) =>
    text
      .replace(/^# What .*$/m, `multiprocessing.set_executable(${JSON.stringify(python)})\n`)
      .replace('"forkserver"', '"spawn"');
  const [same, separate] = await Promise.all([
    startChanged(set),
    startChanged(
      (text) =>
        set(text)
          .replace("pool.apply(compute, ", "pool.apply(work.compute, ")
          .replace("import orthanc", "import orthanc\nimport work"),
      {
        "work.py": "def compute(count: int) -> int:\n    return 42\n",
      },
    ),
  ]);
  let ended = false;
  const call = same.request("/computation").then(
    () => (ended = true),
    () => {},
  );
  await expect.poll(same.log, SOON).toContain("ModuleNotFoundError: No module named 'orthanc'");
  await sleep(3_000);
  expect(ended, "the call hangs").toBe(false);
  await same.kill();
  await call;
  expect(await (await separate.request("/computation")).text()).toBe("42\n");
});
