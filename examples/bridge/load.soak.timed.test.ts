/** The bridge under load, while Node is killed again and again. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { residentMemory } from "../../src/linux/memory.ts";
import { openFiles } from "../../src/linux/processes.js";
import { findNode } from "../../src/node/node.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";
import { reportProgress, SOAKING, scaled } from "../../src/testing/soak.ts";

const CLIENTS = 16;
const WANTED = scaled(150, 1_000);
const KILLS = scaled(2, 20);
const WORK = 40; // milliseconds, at most, that Node takes for a request
const PATIENCE = 50; // milliseconds before a client tries again
const MB = 1024 * 1024;

let orthanc: Orthanc;
afterEach(() => orthanc?.kill());

const memory = () => residentMemory(orthanc.pid);
const files = () => openFiles(orthanc.pid).length;
const nodes = async () =>
  [...(await orthanc.log()).matchAll(/Node has started \(process (\d+)\)/g)].map(([, pid]) =>
    Number(pid),
  );

/** Clients that ask until so many right answers are enough. How many calls ended how, and how long it took. */
async function load(enough: (right: number) => boolean, onRight = (_right: number) => {}) {
  const ended = { right: 0, failed: 0 };
  const started = performance.now();
  const client = async () => {
    while (!enough(ended.right)) {
      const nonce = randomBytes(8).toString("hex");
      const response = await orthanc.request(`/bridge/${nonce}`, {
        method: "POST",
        body: nonce.repeat(1 + Math.floor(Math.random() * 5_000)),
        headers: { "x-wait": String(Math.floor(Math.random() * WORK)) },
      });
      const text = await response.text();
      if (response.status === 200) {
        const { url, body } = JSON.parse(text) as { url: string; body: string };
        expect(url).toBe(`/bridge/${nonce}`);
        expect(Buffer.from(body, "base64").toString().replaceAll(nonce, "")).toBe("");
        onRight(++ended.right);
      } else {
        expect(response.status).toBe(502);
        expect(JSON.parse(text)).toEqual({ error: expect.stringContaining("Node") });
        expect(text).not.toMatch(/[0-9a-f]{16}/);
        ended.failed++;
        await sleep(PATIENCE);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { ...ended, seconds: (performance.now() - started) / 1000 };
}

test("while Node is killed, each call ends: with its own answer, or 502", async () => {
  orthanc = await startOrthanc({
    // Older plugins keep each request in memory (memory.test.ts).
    release: "trixie",
    script: path.join(import.meta.dirname, "bridge.py"),
    configuration: { Node: { Script: "fixtures/echo.ts", Routes: ["/bridge/(.*)"] } },
    environment: (await findNode()).environment,
  });
  const calm = await load((right) => right >= scaled(100, 1_000));
  expect(calm.failed).toBe(0);
  const before = { memory: memory(), files: files() };

  let killed = 0;
  const kill = async () => {
    const pid = (await nodes()).at(-1) ?? 0;
    try {
      process.kill(pid, "SIGKILL");
      killed++;
    } catch {
      // It has not been started again yet.
    }
  };
  // In the short run after some answers; in the long one each Node serves for a second. How much is done meanwhile
  // is not compared: the pauses before Node's next start grow, as they should.
  let life: NodeJS.Timeout | undefined;
  const step = Math.floor(WANTED / (KILLS + 1));
  const enough = (right: number) => right >= WANTED && killed >= KILLS;
  const stormy = await load(enough, (count) => {
    if (SOAKING) {
      life ??= setTimeout(() => {
        life = undefined;
        void kill();
      }, 1_000);
    }
    if (!SOAKING && count % step === 0 && killed < KILLS) void kill();
    if (count % 100 === 0)
      reportProgress(`${count} right answers, Node was killed ${killed} times`);
  });
  clearTimeout(life);

  expect(stormy.failed).toBeGreaterThan(0);
  reportProgress(
    `without kills ${calm.right} right answers in ${calm.seconds.toFixed(1)} s; with ${killed} kills ` +
      `${stormy.right} in ${stormy.seconds.toFixed(1)} s, and ${stormy.failed} calls that ended with 502`,
  );
  // As many files as before: no connection is left. The clients' own to Orthanc may come and go.
  await vi.waitFor(async () => expect(files()).toBeLessThanOrEqual(before.files), 20_000);
  const more = memory() - before.memory;
  reportProgress(
    `memory: ${(before.memory / MB).toFixed(0)} MB before, ${(more / MB).toFixed(1)} MB more after`,
  );
  expect(more).toBeLessThan(20 * MB);
});
