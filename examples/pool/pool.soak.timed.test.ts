/**
 * The pool under more load than its workers can bear, and while its workers are killed. In both, every call ends,
 * none gets another's answer, and the answers are at least 80 % of what the workers can do undisturbed.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { workers } from "../../src/harness/workers.ts";
import { residentMemory } from "../../src/linux/memory.ts";
import { descendants } from "../../src/linux/processes.js";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { run, startFixture } from "../../src/testing/poolFixture.ts";
import { reportProgress, scaled } from "../../src/testing/soak.ts";

/** The least share of the undisturbed goodput. In seconds, a busy machine makes a difference; in minutes, none. */
const SHARE = scaled(0.6, 0.8);
/** How long each load lasts, in seconds. */
const DURATION = scaled(2, 60);

/** In the second, a call that has waited for another one would have no time left if its wait counted as work. */
const EASY = { seconds: 0.05, deadline: 2 };
const HARD = { seconds: 0.5, deadline: 0.9 };

let orthanc: Orthanc;
afterEach(() => orthanc?.kill());

/**
 * Starts the fixture, and waits until both workers have started: that counts for their first deadline. The release
 * is one whose plugin gives back what requests have taken of Orthanc's memory (`examples/bridge/memory.test.ts`).
 */
async function start(twin: Language): Promise<void> {
  orthanc = await startFixture(twin, "trixie");
  await Promise.all([1, 2].map(() => run(orthanc, "sleep", { seconds: 0.1, deadline: 60 })));
}

interface Load {
  /** Seconds that each task takes. */
  seconds: number;
  deadline: number;
  /** How many callers there are, each of which calls again when its call has ended. */
  callers: number;
}

interface Outcome {
  /** Calls with status 200 a second. */
  goodput: number;
  /** Other statuses: how often each. */
  others: Record<number, number>;
}

/** Puts a load on the pool. Fails if an answer is another call's. */
async function load({ seconds, deadline, callers }: Load, duration: number): Promise<Outcome> {
  const others: Record<number, number> = {};
  const started = performance.now();
  const until = started + 1000 * duration;
  let good = 0;
  let serial = 0;
  const caller = async () => {
    while (performance.now() < until) {
      const nonce = `call-${serial++}`;
      const { status, value } = await run(orthanc, "sleep", { seconds, deadline, nonce });
      if (status === 200) {
        expect(value?.nonce).toBe(nonce);
        good += 1;
      } else {
        others[status] = (others[status] ?? 0) + 1;
        await pause(10); // As a client that obeys Retry-After, but less patient.
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { goodput: good / ((performance.now() - started) / 1000), others };
}

/** The memory of Orthanc and its processes, in MB. */
function memory(): number {
  const sizes = [orthanc.pid, ...descendants(orthanc.pid)].map(residentMemory);
  return sizes.reduce((sum, size) => sum + size, 0) / 1_000_000;
}

test.each(
  LANGUAGES.flatMap((twin) => scaled([HARD], [EASY, HARD]).map((task) => ({ twin, ...task }))),
)("$twin: three times the load, tasks of $seconds s", async ({ twin, ...task }) => {
  await start(twin);
  const alone = await load({ ...task, callers: 2 }, DURATION);
  const before = memory();
  const overloaded = await load({ ...task, callers: 6 + 12 }, DURATION);
  const grown = memory() - before;
  reportProgress(`${twin}: ${JSON.stringify({ task, alone, overloaded, grown })}`);
  expect(alone.others).toEqual({});
  expect(Object.keys(overloaded.others)).toEqual(["503"]);
  expect(overloaded.goodput / alone.goodput).toBeGreaterThan(SHARE);
  expect(grown).toBeLessThan(50);
});

test("python: a random worker is killed every 300 ms", async () => {
  await start("python");
  const task = { ...EASY, callers: 4 };
  const alone = await load(task, DURATION);
  const before = memory();
  let killed = 0;
  const killing = setInterval(() => {
    const pids = workers(orthanc);
    const pid = pids[Math.floor(Math.random() * pids.length)];
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    killed += 1;
  }, 300);
  const disturbed = await load(task, DURATION).finally(() => clearInterval(killing));
  await load(task, 0.5);
  const grown = memory() - before;
  reportProgress(`python: ${JSON.stringify({ task, alone, killed, disturbed, grown })}`);
  expect(killed).toBeGreaterThan(DURATION);
  expect(Object.keys(disturbed.others)).toEqual(["503"]);
  // A killed worker costs at most the call that it had.
  expect(disturbed.others[503]).toBeLessThanOrEqual(killed);
  expect(disturbed.goodput / alone.goodput).toBeGreaterThan(SHARE);
  expect(grown).toBeLessThan(50);
  expect(workers(orthanc)).toHaveLength(2);
});
