/** What the processes of the Python pool promise, each shown by an attempt to break it on a live Orthanc. */
import { beforeAll, describe, expect, test } from "vitest";
import { workers } from "../../src/harness/workers.ts";
import { descendants, programName, readProcess, waitChannel } from "../../src/linux/processes.js";
import { listeningPorts } from "../../src/linux/sockets.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { killWithoutGuard } from "../../src/testing/killWithoutGuard.ts";
import { run, sleep, startFixture } from "../../src/testing/poolFixture.ts";

describe.each([undefined, "trixie"] as const)("python, release %s", (release) => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await startFixture("python", release);
    return () => orthanc.kill();
  });

  const named = (name: string) =>
    descendants(orthanc.pid).filter((pid) => programName(pid) === name);
  /** The helper process, from which workers are forked. */
  const helper = () => named("pool-helper")[0] as number;

  /** Has two workers run, and returns their process ids: one that died is replaced by the next call. */
  async function twoWorkers(): Promise<number[]> {
    // Long enough for the second call to find the first worker busy, on a busy machine, too.
    const answers = await Promise.all([sleep(orthanc, 0.5), sleep(orthanc, 0.5)]);
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
    const calls = [sleep(orthanc, 1.5), sleep(orthanc, 1.5)];
    await busy(...pids);
    process.kill(pids[0] as number, "SIGKILL");
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 503]);
  });

  test("a frozen worker ends with the deadline, even if it no longer reads its task", async () => {
    expect((await run(orthanc, "freeze", { deadline: 1 })).status).toBe(504);
    const pids = await twoWorkers();
    const working = sleep(orthanc, 2);
    await expect.poll(() => pids.filter(sleeps)).toHaveLength(1);
    // The next call can only have the other worker.
    process.kill(pids.find((pid) => !sleeps(pid)) as number, "SIGSTOP");
    const frozen = await run(orthanc, "measure", { size: 5_000_000, deadline: 1 });
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
    const working = sleep(orthanc, 0.5, 1.2, "mine");
    // Until a worker has the task: its deadline has begun then.
    await expect.poll(() => workers(orthanc).some(sleeps)).toBe(true);
    await run(orthanc, "hold", { seconds: 2 });
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
    await killWithoutGuard(orthanc, pids);
    await call;
  });
});
