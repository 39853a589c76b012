import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { workers } from "../../src/harness/workers.ts";
import { descendants } from "../../src/linux/processes.js";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { killWithoutGuard } from "../../src/testing/killWithoutGuard.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

/** More square numbers than either twin adds up before its deadline. */
const ENDLESS = 1_000_000_000_000;

const { startExample } = useOrthancs();
let orthanc: Orthanc;

async function start(twin: Language, replace: Record<string, string> = {}) {
  orthanc = await startExample("worker-pool", twin, { replace });
}

async function compute(count?: number) {
  const answer = await orthanc.request(
    `/computation${count === undefined ? "" : `?count=${count}`}`,
  );
  return { status: answer.status, body: await answer.text() };
}

/** Calls until the route works again; gives up after ten seconds. */
async function recovery() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { status } = await compute(1000);
    if (status === 200) return status;
    await sleep(100);
  }
}

test("python: the workers are four processes, which a fifth has forked", async () => {
  await start("python");
  expect(workers(orthanc)).toHaveLength(4);
  expect(descendants(orthanc.pid)).toHaveLength(5);
});

test("python: workers that are killed at work fail their callers at once, and the next call works", async () => {
  await start("python");
  const lost = compute(ENDLESS);
  await sleep(500);
  for (const pid of workers(orthanc)) process.kill(pid, "SIGKILL");
  expect(await lost).toEqual({ status: 503, body: '{"error": "the worker has failed"}' });
  expect((await compute(1000)).status).toBe(200);
});

test("python: idle workers that are killed are replaced, and no call notices it", async () => {
  await start("python");
  for (const pid of workers(orthanc)) process.kill(pid, "SIGKILL");
  await expect.poll(() => workers(orthanc)).toEqual([]);
  for (let call = 0; call < 8; call++) expect((await compute(1000)).status).toBe(200);
});

test.each(LANGUAGES)("%s: more calls than may wait are refused, with Retry-After", async (twin) => {
  await start(twin);
  await compute(1000);
  const refused: unknown[] = [];
  const call = async () => {
    const answer = await orthanc.request(`/computation?count=${ENDLESS}`);
    refused.push([answer.status, answer.headers.get("retry-after"), await answer.json()]);
  };
  // Four are at work, and sixteen wait.
  const calls = Array.from({ length: 25 }, () => call().catch(() => {}));
  await expect.poll(() => refused.length, { timeout: 9000 }).toBe(5);
  const error = { error: "16 calls are waiting already" };
  expect(refused).toEqual(Array(5).fill([503, "1", error]));
  await orthanc.kill();
  await Promise.all(calls);
});

test("typescript: Node that is killed at work fails its caller at once, and is back soon", async () => {
  await start("typescript");
  const lost = compute(ENDLESS);
  await sleep(1000);
  const [node = 0] = descendants(orthanc.pid);
  process.kill(node, "SIGKILL");
  const answer = await lost;
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toHaveProperty("error");
  expect(await recovery()).toBe(200);
});

test("a computation that takes too long ends at the deadline, in both twins", async () => {
  const soon = { "DEADLINE = 30": "DEADLINE = 2" };
  await start("python", soon);
  const other = await startExample("worker-pool", "typescript", { replace: soon });
  const started = performance.now();
  const answers = await Promise.all(
    [orthanc, other].map(async (server) => {
      const answer = await server.request(`/computation?count=${ENDLESS}`);
      return { status: answer.status, body: await answer.json() };
    }),
  );
  const late = { status: 504, body: { error: "no worker finished within 2 seconds" } };
  expect(answers).toEqual([late, late]);
  expect(performance.now() - started).toBeGreaterThan(1_900);
  expect(await recovery()).toBe(200);
});

test("both twins: Orthanc stops in the middle of a computation", async () => {
  const servers = await Promise.all(LANGUAGES.map((twin) => startExample("worker-pool", twin)));
  const stopAtWork = async (server: Orthanc) => {
    const lost = server.request(`/computation?count=${ENDLESS}`).catch(() => undefined);
    await sleep(1000);
    await server.stop();
    expect(await server.ended).toBe("exit code 0");
    expect((await lost)?.status).not.toBe(200);
  };
  await Promise.all(servers.map(stopAtWork));
});

test("python: workers end by themselves with an Orthanc that is killed, even at work", async () => {
  await start("python");
  const lost = compute(ENDLESS).catch(() => undefined);
  await sleep(500);
  const pids = descendants(orthanc.pid);
  expect(pids).toHaveLength(5);
  await killWithoutGuard(orthanc, pids);
  await lost;
});
