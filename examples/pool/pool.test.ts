/** What the page about the pool says of pools made otherwise, shown on a live Orthanc. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { descendants } from "../../src/harness/processes.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";

const POOL = import.meta.dirname;

let orthanc: Orthanc | undefined;
let folder: string | undefined;
afterEach(async () => {
  await orthanc?.stop();
  if (folder) await rm(folder, { recursive: true });
  orthanc = undefined;
  folder = undefined;
});

/** Starts an Orthanc with a script of these lines. */
async function start(...lines: string[]): Promise<Orthanc> {
  folder = await mkdtemp(path.join(tmpdir(), "orthanc-twins-script-"));
  const script = path.join(folder, "plugin.py");
  await writeFile(script, `import multiprocessing, time, orthanc\n${lines.join("\n")}\n`);
  return startOrthanc({
    script,
    environment: { PYTHONPATH: POOL },
    configuration: { DicomServerEnabled: false },
  });
}

const route = (expression: string) => [
  "def serve(output, uri, **request):",
  `    output.AnswerBuffer(str(${expression}), "text/plain")`,
  'orthanc.RegisterRestCallback("/route", serve)',
];

test("multiprocessing.Pool.apply waits for ever for a killed worker, and Orthanc does not stop", async () => {
  orthanc = await start(
    'pool = multiprocessing.get_context("fork").Pool(1)',
    ...route("pool.apply(time.sleep, (2,))"),
  );
  let settled = false;
  const call = orthanc.request("/route").then(
    () => {
      settled = true;
    },
    () => {},
  );
  await sleep(500);
  for (const pid of descendants(orthanc)) process.kill(pid, "SIGKILL");
  await sleep(6000);
  expect(settled).toBe(false);
  await orthanc.stop();
  // It did not end when it was asked to: its guard had to.
  expect(await orthanc.ended).toBe("SIGKILL");
  await call;
});

test.each(["spawn", "forkserver"])(
  "inside Orthanc, the start method %s starts Orthanc again",
  async (method) => {
    const started = start(
      `context = multiprocessing.get_context("${method}")`,
      "process = context.Process(target=time.sleep, args=(0,))",
      "process.start()",
      "process.join(10)",
      'print("The child ended with", process.exitcode, flush=True)',
    );
    const log = await started.then(
      async (running) => {
        orthanc = running;
        return running.log();
      },
      (error: Error) => error.message,
    );
    expect(log).not.toContain("The child ended with 0");
  },
);

test("a function defined below the pool is unknown to its workers", async () => {
  orthanc = await start(
    "from pool import WorkerPool",
    "pool = WorkerPool(1)",
    "def late(): return 1",
    ...route("pool.run(5, late)"),
  );
  const answer = await orthanc.request("/route");
  expect(answer.status).toBe(500);
  expect(await orthanc.log()).toContain("Can't get attribute 'late' on <module 'plugin'");
});

test("a script may wait for a worker while it loads: the task is pickled on its own thread", async () => {
  orthanc = await start(
    "from pool import WorkerPool",
    "def work(): return 1",
    "pool = WorkerPool(1)",
    "seen = pool.run(5, work)",
    ...route("seen"),
  );
  expect(await (await orthanc.request("/route")).text()).toBe("1");
});

test("an unsupported Python is refused in words", async () => {
  const error = await start("import sys", "sys.version_info = (3, 8, 18)", "import pool").catch(
    (error: Error) => error,
  );
  expect((error as Error).message).toContain(
    "pool.py needs Linux and Python 3.9 or later; this is linux with Python 3.8.",
  );
});

test("a forked worker can import the orthanc module, so nothing keeps it from misusing it", async () => {
  orthanc = await start(
    "from pool import WorkerPool",
    "def work():",
    "    import orthanc",
    "    return callable(orthanc.RestApiGet)",
    "pool = WorkerPool(1)",
    ...route("pool.run(5, work)"),
  );
  expect(await (await orthanc.request("/route")).text()).toBe("True");
});
