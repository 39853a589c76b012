/** What the page about the pool says of pools made otherwise, shown on a live Orthanc. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { descendants } from "../../src/linux/processes.js";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";

const POOL = import.meta.dirname;

let orthanc: Orthanc | undefined;
let folder: string | undefined;
afterEach(async () => {
  await orthanc?.kill();
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

/** What a route of such an Orthanc answers, which returns the value of an expression. */
async function seen(expression: string, ...lines: string[]): Promise<string> {
  orthanc = await start(...lines, ...route(expression));
  return (await orthanc.request("/route")).text();
}

const route = (expression: string) => [
  "def serve(output, uri, **request):",
  `    output.AnswerBuffer(str(${expression}), "text/plain")`,
  'orthanc.RegisterRestCallback("/route", serve)',
];

test("multiprocessing.Pool.apply hangs after a worker is killed, and Orthanc does not stop", async () => {
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
  for (const pid of descendants(orthanc.pid)) process.kill(pid, "SIGKILL");
  await sleep(4000);
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
  const value = await seen(
    "seen",
    "from pool import WorkerPool",
    "def work(): return 1",
    "pool = WorkerPool(1)",
    "seen = pool.run(5, work), pool.submit(5, work).result(5)",
  );
  expect(value).toBe("(1, 1)");
});

test("no other program gets a worker's connection", async () => {
  const value = await seen(
    "pool._idle[0]._connection.get_inheritable()",
    "from pool import WorkerPool",
    "pool = WorkerPool(1)",
  );
  expect(value).toBe("False");
});

test("a queue and a pipe that the script has made lead to its workers and back", async () => {
  const value = await seen(
    "(pool.run(5, send), queue.get(timeout=5), here.poll(5) and here.recv())",
    "from pool import WorkerPool",
    'context = multiprocessing.get_context("fork")',
    "queue, (here, there) = context.Queue(), context.Pipe()",
    "def send(): queue.put(1), there.send(2)",
    "pool = WorkerPool(1)",
  );
  expect(value).toBe("(None, 1, 2)");
});

test("a task that reports progress endlessly ends with its deadline", async () => {
  const value = await seen(
    "(fail(), pool.run(5, abs, -1))",
    "from pool import DeadlineExceeded, WorkerPool",
    "def tell():",
    "    while True: yield 1",
    "def fail():",
    "    try: pool.run(1, tell)",
    "    except DeadlineExceeded as error: return str(error)",
    "pool = WorkerPool(1)",
  );
  expect(value).toBe("('no worker finished within 1 seconds', 1)");
});

test("unlimited patience keeps no call out", async () => {
  orthanc = await start(
    "from pool import WorkerPool",
    'pool = WorkerPool(1, waiting=1, patience=float("inf"))',
    ...route("pool.run(5, time.sleep, 0.5)"),
  );
  const server = orthanc;
  const call = async () => (await server.request("/route")).status;
  expect(await Promise.all([call(), call()])).toEqual([200, 200]);
  expect(await Promise.all([call(), call()])).toEqual([200, 200]);
});

test("a closed pool takes no calls, and has none", async () => {
  const died = "['WorkerDied', 'WorkerDied', 'WorkerDied']";
  const value = await seen(
    "end()",
    "from pool import WorkerPool, WorkerDied",
    "pool = WorkerPool(1)",
    "def end():",
    "    waiting = [pool.submit(5, time.sleep, 60) for _ in range(3)]",
    "    pool.close()",
    "    errors = [type(call.exception(5)).__name__ for call in waiting]",
    "    try: pool.run(5, time.sleep, 0)",
    "    except WorkerDied as error: return errors, str(error)",
  );
  expect(value).toBe(`(${died}, 'the pool is closed')`);
});

test("without a number for a connection, no worker is left over, and the next call works", async () => {
  const value = await seen(
    "starve()",
    "import os, resource, signal",
    "from pool import WorkerPool, WorkerDied",
    "pool = WorkerPool(1)",
    "def starve():",
    "    os.kill(pool._idle[0]._pid, signal.SIGKILL)",
    "    time.sleep(0.5)",
    "    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)",
    '    most = max(map(int, os.listdir("/proc/self/fd"))) + 50',
    '    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(60 + most)]',
    "    resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1] + 1, hard))",
    "    try: pool.run(5, time.sleep, 0)",
    "    except WorkerDied as error: told = str(error)",
    "    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))",
    "    for number in held: os.close(number)",
    "    return told, pool.run(5, time.sleep, 0)",
  );
  expect(value).toMatch(/^\('no worker can be started: .*Too many open files', None\)$/);
  expect(descendants((orthanc as Orthanc).pid)).toHaveLength(2);
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
  const value = await seen(
    "pool.run(5, work)",
    "from pool import WorkerPool",
    "def work():",
    "    import orthanc",
    "    return callable(orthanc.RestApiGet)",
    "pool = WorkerPool(1)",
  );
  expect(value).toBe("True");
});
