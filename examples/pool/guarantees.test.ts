/** What the pools of both languages promise, each shown by an attempt to break it on a live Orthanc. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { EXAMPLES } from "../../src/catalogue/catalogue.ts";
import { workers } from "../../src/harness/workers.ts";
import {
  descendants,
  isRunning,
  programName,
  readProcess,
  waitChannel,
} from "../../src/linux/processes.js";
import { listeningPorts } from "../../src/linux/sockets.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES } from "../../src/protocol/programs.ts";
import { type Answer, run, startFixture } from "../../src/testing/poolFixture.ts";

function sleep(orthanc: Orthanc, seconds: number, deadline = 10, nonce = "") {
  return run(orthanc, "sleep", { seconds, deadline, nonce });
}

describe.each(LANGUAGES)("%s", (twin) => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await startFixture(twin);
    await Promise.all([sleep(orthanc, 0), sleep(orthanc, 0)]);
    return () => orthanc.stop();
  });

  test("more calls than workers: the time that a call waits does not count as work", async () => {
    const nonces = ["a", "b", "c", "d", "e", "f"];
    // In turn on two workers, the last ones end after three times 1.5 s, later than the deadline.
    const answers = await Promise.all(nonces.map((nonce) => sleep(orthanc, 1.5, 2, nonce)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(answers.map(({ value }) => value?.nonce)).toEqual(nonces);
  });

  test("a call that waits too long is dropped alone", async () => {
    // Any of them may be the last to arrive.
    const answers = await Promise.all([1, 2, 3].map(() => sleep(orthanc, 7)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503]);
    const late = { status: 503, error: "no worker was free within 5 seconds" };
    expect(answers).toContainEqual(late);
  });

  test("a call without a deadline ends with its task", async () => {
    expect((await sleep(orthanc, 0.1, Number.POSITIVE_INFINITY)).status).toBe(200);
  });

  test("a call beyond those that may wait is refused at once", async () => {
    const ended: Answer[] = [];
    const call = async () => ended.push(await sleep(orthanc, 1.6));
    await Promise.all(Array.from({ length: 12 }, call));
    // In this order: no refusal waits for work to end.
    const refused = { status: 503, error: "4 calls are waiting already" };
    expect(ended.slice(0, 6)).toEqual(Array(6).fill(refused));
    expect(ended.slice(6).map(({ status }) => status)).toEqual(Array(6).fill(200));
  });

  test("a task that takes too long costs its own worker, and no other call", async () => {
    const neighbour = sleep(orthanc, 3);
    const late = await sleep(orthanc, 60, 1);
    expect(late).toEqual({ status: 504, error: "no worker finished within 1 seconds" });
    const { status, value } = await neighbour;
    expect(status).toBe(200);
    const next = await Promise.all([sleep(orthanc, 0.5), sleep(orthanc, 0.5)]);
    expect(next.map(({ status }) => status)).toEqual([200, 200]);
    expect(next.map(({ value }) => value?.worker)).toContain(value?.worker);
  });

  test("deadlines that pass together kill nothing that comes after them", async () => {
    for (let round = 0; round < 5; round++) {
      const late = await Promise.all([1, 2].map(() => sleep(orthanc, 60, 0.2)));
      expect(late.map(({ status }) => status)).toEqual([504, 504]);
      const next = await Promise.all([1, 2].map(() => sleep(orthanc, 0.3)));
      expect(next.map(({ status }) => status)).toEqual([200, 200]);
    }
  });

  test("a task's own TimeoutError reaches its own caller, and nothing else happens", async () => {
    const neighbour = sleep(orthanc, 1);
    expect(await run(orthanc, "fail")).toEqual({ status: 422, error: "the task's own" });
    const { status, value } = await neighbour;
    expect(status).toBe(200);
    const after = await Promise.all([sleep(orthanc, 0.5), sleep(orthanc, 0.5)]);
    expect(after.map(({ value }) => value?.worker)).toContain(value?.worker);
  });
});

test("typescript: what a task leaves behind, and fails later, ends nothing else", async () => {
  const orthanc = await startFixture("typescript");
  try {
    const neighbour = sleep(orthanc, 2, 10, "mine");
    expect((await run(orthanc, "linger")).status).toBe(200);
    expect((await neighbour).value?.nonce).toBe("mine");
    expect(await orthanc.log()).toMatch(/without a task: Error: too late/);
    const next = await Promise.all([sleep(orthanc, 0.5), sleep(orthanc, 0.5)]);
    expect(next.map(({ status }) => status)).toEqual([200, 200]);
  } finally {
    await orthanc.stop();
  }
});

test("typescript: a thread that dies costs its own call", async () => {
  const orthanc = await startFixture("typescript");
  try {
    const neighbour = sleep(orthanc, 2, 10, "mine");
    expect((await run(orthanc, "die")).status).toBe(422);
    expect((await neighbour).value?.nonce).toBe("mine");
    expect((await sleep(orthanc, 0)).status).toBe(200);
  } finally {
    await orthanc.stop();
  }
});

test("typescript: no worker is ended while it loads, whatever the deadline", async () => {
  const worker = await readFile(path.join(EXAMPLES, "pool/fixtures/worker.ts"), "utf8");
  const busy = "for (const end = Date.now() + 3_000; Date.now() < end; );";
  // A thread that is ended would lose what it says by console.log.
  const say = (what: string) => `writeSync(1, "${what}\\n");`;
  const slow = `import { writeSync } from "node:fs"; ${say("loading")} ${busy} ${say("loaded")} ${worker}`;
  const orthanc = await startFixture("typescript", undefined, { "worker.ts": slow });
  const said = async (what: string) =>
    (await orthanc.log()).split("\n").filter((line) => line === what);
  try {
    await expect.poll(() => said("loading"), { timeout: 10_000 }).toHaveLength(2);
    const early = await Promise.all([sleep(orthanc, 0, 0.1), sleep(orthanc, 0, 0.1)]);
    expect(early.map(({ status }) => status)).toEqual([504, 504]);
    expect((await sleep(orthanc, 0)).status).toBe(200);
    expect(await said("loading")).toHaveLength(2);
    expect(await said("loaded")).toHaveLength(2);
  } finally {
    await orthanc.stop();
  }
});

test("typescript: why the file of the tasks can't be loaded reaches each caller", async () => {
  const broken = 'throw new Error("no licence file");';
  const orthanc = await startFixture("typescript", undefined, { "worker.ts": broken });
  try {
    for (let call = 0; call < 3; call++)
      expect(await sleep(orthanc, 0)).toEqual({ status: 422, error: "no licence file" });
  } finally {
    await orthanc.stop();
  }
});

describe.each([undefined, "trixie"] as const)("python, release %s", (release) => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await startFixture("python", release);
    return () => orthanc.stop();
  });

  const named = (name: string) =>
    descendants(orthanc.pid).filter((pid) => programName(pid) === name);
  /** The helper process, from which workers are forked. */
  const helper = () => named("pool-helper")[0] as number;

  /** Has two workers run, and returns their process ids: one that died is replaced by the next call. */
  async function twoWorkers(): Promise<number[]> {
    // Long enough for the second call to find the first worker busy, on a busy machine, too.
    const answers = await Promise.all([sleep(orthanc, 1), sleep(orthanc, 1)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const pids = answers.map(({ value }) => value?.worker as number);
    expect(workers(orthanc).sort()).toEqual(pids.sort());
    return pids;
  }

  /** Tells if a worker sleeps in its task. */
  const sleeps = (pid: number) => waitChannel(pid).includes("nanosleep");

  /** Waits until workers sleep in their tasks. */
  async function busy(...pids: number[]): Promise<void> {
    await expect.poll(() => pids.filter(sleeps)).toEqual(pids);
  }

  test("a worker that is killed at work costs its own call", async () => {
    const pids = await twoWorkers();
    const calls = [sleep(orthanc, 3), sleep(orthanc, 3)];
    await busy(...pids);
    process.kill(pids[0] as number, "SIGKILL");
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 503]);
  });

  test("a frozen worker ends with the deadline, even if it no longer reads its task", async () => {
    expect((await run(orthanc, "freeze", { deadline: 1 })).status).toBe(504);
    const pids = await twoWorkers();
    const working = sleep(orthanc, 6);
    await expect.poll(() => pids.filter(sleeps)).toHaveLength(1);
    // The next call can only have the other worker.
    process.kill(pids.find((pid) => !sleeps(pid)) as number, "SIGSTOP");
    const frozen = await run(orthanc, "measure", { size: 5_000_000, deadline: 3 });
    expect([frozen.status, (await working).status]).toEqual([504, 200]);
  });

  test("a task that forks has one answer, and so have those after it", async () => {
    const nonces = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const nonce of nonces) {
      expect(await run(orthanc, "fork", { nonce })).toEqual({ status: 200, value: nonce });
    }
    for (const nonce of nonces) {
      expect((await sleep(orthanc, 0.2, 10, nonce)).value?.nonce).toBe(nonce);
    }
  });

  test("connections that the script has opened are none in a worker, and never the pool's own", async () => {
    for (let call = 0; call < 4; call++) {
      const { status, error } = await run(orthanc, "shout");
      expect({ status, error }).toEqual({ status: 422, error: expect.stringMatching(/socket/) });
      expect((await sleep(orthanc, 0, 10, "mine")).value?.nonce).toBe("mine");
    }
  });

  test("a closed connection is an error of the task, not the end of its worker", async () => {
    const { status, error } = await run(orthanc, "close");
    expect({ status, error }).toEqual({ status: 422, error: expect.stringMatching(/Broken pipe/) });
  });

  test("a task that ends in time has its answer, however late the callback can read it", async () => {
    const working = sleep(orthanc, 0.5, 2, "mine");
    // Until a worker has the task: its deadline has begun then.
    await expect.poll(() => workers(orthanc).some(sleeps)).toBe(true);
    await run(orthanc, "hold", { seconds: 3.5 });
    expect((await working).value?.nonce).toBe("mine");
  });

  test("signals to all of Orthanc's processes end neither the helper nor what it must end", async () => {
    await twoWorkers();
    const before = helper();
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGPIPE"] as const)
      process.kill(before, signal);
    await twoWorkers();
    expect(helper()).toBe(before);
    expect(readProcess(before)?.group).toBe(before);
  });

  test("large arguments and results pass", async () => {
    const size = 30_000_000;
    expect(await run(orthanc, "measure", { size, deadline: 60 })).toEqual({
      status: 200,
      value: size,
    });
    expect(await run(orthanc, "produce", { size, deadline: 60 })).toEqual({
      status: 200,
      value: size,
    });
  });

  test("what a task has started ends with it", async () => {
    const call = run(orthanc, "spawn", { deadline: 2 });
    await expect.poll(() => named("sleep")).toHaveLength(1);
    expect((await call).status).toBe(504);
    expect(named("sleep")).toEqual([]);
  });

  test("the helper has one thread, as Orthanc has while it loads the script", async () => {
    const threads = (pid: number) => readProcess(pid)?.threads;
    expect(threads(helper())).toBe(1);
    expect(threads(orthanc.pid)).toBeGreaterThan(60);
    expect(await orthanc.log()).toMatch(/Threads while the script loads: 1$/m);
  });

  test("no worker holds a port of Orthanc's, whenever it was forked", async () => {
    expect(listeningPorts(orthanc.pid).length).toBeGreaterThan(0);
    for (const pid of await twoWorkers()) process.kill(pid, "SIGKILL");
    // A worker that is about to die may still be given a task.
    await expect.poll(() => workers(orthanc)).toEqual([]);
    await twoWorkers();
    for (const pid of descendants(orthanc.pid)) expect(listeningPorts(pid)).toEqual([]);
  });

  test("a killed helper takes its workers with it, and the next call has new ones", async () => {
    const pids = await twoWorkers();
    const lost = Promise.all([sleep(orthanc, 60, 90), sleep(orthanc, 60, 90)]);
    await busy(...pids);
    const before = helper();
    process.kill(before, "SIGKILL");
    expect((await lost).map(({ status }) => status)).toEqual([503, 503]);
    await twoWorkers();
    expect(helper()).not.toBe(before);
    for (const pid of descendants(orthanc.pid)) expect(listeningPorts(pid)).toEqual([]);
  });

  test("nothing is left of a busy pool when Orthanc is killed", async () => {
    const call = run(orthanc, "spawn", { deadline: 60 }).catch(() => undefined);
    await expect.poll(() => named("sleep")).toHaveLength(1);
    const pids = descendants(orthanc.pid);
    // The guard would end them, too: it sleeps meanwhile.
    const guard = readProcess(orthanc.pid)?.parent as number;
    process.kill(guard, "SIGSTOP");
    try {
      process.kill(orthanc.pid, "SIGKILL");
      await expect.poll(() => pids.filter(isRunning), { timeout: 5000 }).toEqual([]);
    } finally {
      process.kill(guard, "SIGCONT");
    }
    await call;
  });
});
