/** What the pools of both languages promise, each shown by an attempt to break it on a live Orthanc. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { EXAMPLES } from "../../src/catalogue/catalogue.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES } from "../../src/protocol/programs.ts";
import { type Answer, run, sleep, startFixture } from "../../src/testing/poolFixture.ts";

describe.each(LANGUAGES)("%s", (twin) => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await startFixture(twin);
    await Promise.all([sleep(orthanc, 0), sleep(orthanc, 0)]);
    return () => orthanc.kill();
  });

  test("more calls than workers: the time that a call waits does not count as work", async () => {
    const nonces = ["a", "b", "c", "d", "e", "f"];
    // In turn on two workers, the last ones end after three times 1 s, later than the deadline.
    const answers = await Promise.all(nonces.map((nonce) => sleep(orthanc, 1, 1.5, nonce)));
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
    const call = async () => ended.push(await sleep(orthanc, 1));
    await Promise.all(Array.from({ length: 12 }, call));
    // In this order: no refusal waits for work to end.
    const refused = { status: 503, error: "4 calls are waiting already" };
    expect(ended.slice(0, 6)).toEqual(Array(6).fill(refused));
    expect(ended.slice(6).map(({ status }) => status)).toEqual(Array(6).fill(200));
  });

  test("a task that takes too long costs its own worker, and no other call", async () => {
    const neighbour = sleep(orthanc, 2);
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
    await orthanc.kill();
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
    await orthanc.kill();
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
    await orthanc.kill();
  }
});

test("typescript: why the file of the tasks can't be loaded reaches each caller", async () => {
  const broken = 'throw new Error("no license file");';
  const orthanc = await startFixture("typescript", undefined, { "worker.ts": broken });
  try {
    for (let call = 0; call < 3; call++)
      expect(await sleep(orthanc, 0)).toEqual({ status: 422, error: "no license file" });
  } finally {
    await orthanc.kill();
  }
});
