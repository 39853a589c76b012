/** Large answers: the memory that they take in Orthanc, and how long other callbacks wait for them. */
import { Agent, get } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { peakMemory, resetPeakMemory, residentMemory } from "../linux/memory.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import type { Measure } from "../protocol/benchmark.ts";
import { compareWays } from "./benchmark.ts";

const SIZES = [10, 100, 500]; // MB
const MB = 1_000_000;
const PAUSE = 1_000; // milliseconds in which a slow client reads nothing

const OLD: OrthancOptions = { release: "bookworm" };
const STREAMS: OrthancOptions = { release: "trixie" };
const THREADS: OrthancOptions = {
  release: "trixie",
  configuration: { Python: { AllowThreads: true } },
};
/** The ways to answer: the options of an Orthanc, and one of its routes. */
const WAYS = {
  "Python, plugin 4.0: AnswerBuffer": [OLD, "/python"],
  "TypeScript, plugin 4.0: collected": [OLD, "/node"],
  "Python, plugin 5.0: AnswerBuffer": [STREAMS, "/python"],
  "TypeScript, plugin 5.0: streamed": [STREAMS, "/node"],
  "The same with AllowThreads": [THREADS, "/node"],
} as const;

/**
 * Measures everything in several rounds, on Orthancs with and without streams.
 * @param sizes of the answers, in MB
 * @throws StartError, InstallationError
 */
export async function measureLarge(rounds: number, sizes = SIZES): Promise<Measure[]> {
  const all = (
    measure: (options: OrthancOptions, target: string) => Promise<number>,
    size: number,
  ) =>
    Object.fromEntries(
      Object.entries(WAYS).map(([name, [options, route]]) => [
        name,
        () => measure(options, `${route}/${size * MB}`),
      ]),
    );
  const measures: Measure[] = [];
  for (const size of sizes) {
    const title = `An answer of ${size} MB: memory that Orthanc takes for it`;
    measures.push(await compareWays(title, "MB", rounds, all(memoryFor, size)));
  }
  const orthancs = new Map<OrthancOptions, Orthanc>();
  try {
    for (const options of [OLD, STREAMS, THREADS]) orthancs.set(options, await start(options));
    const wait = (options: OrthancOptions, target: string, pause?: number) =>
      longestWait(orthancs.get(options) as Orthanc, target, pause);
    for (const size of sizes) {
      const title = `An answer of ${size} MB: longest wait of another callback`;
      measures.push(await compareWays(title, "ms", rounds, all(wait, size)));
    }
    const title = "An answer of 100 MB whose client reads nothing for a second: the same wait";
    const waitInPause = (options: OrthancOptions, target: string) => wait(options, target, PAUSE);
    measures.push(await compareWays(title, "ms", rounds, all(waitInPause, 100)));
    return measures;
  } finally {
    await Promise.all([...orthancs.values()].map((orthanc) => orthanc.kill()));
  }
}

/** Starts an Orthanc that answers in both languages, and waits until it does. */
async function start({ release, configuration }: OrthancOptions): Promise<Orthanc> {
  const orthanc = await startOrthanc({
    release,
    script: path.join(import.meta.dirname, "large.py"),
    configuration: {
      HttpCompressionEnabled: false,
      Node: { Script: path.join(import.meta.dirname, "large.js"), Routes: ["/node/.*"] },
      ...configuration,
    },
  });
  for (const route of ["/node/1", "/python/1"]) await read(orthanc, route);
  return orthanc;
}

/**
 * Measures by how many megabytes the memory of an Orthanc grows for an answer; differences of less than one have other
 * causes. Each time on a new Orthanc: memory that a large answer has left free would hide what the next one takes.
 */
async function memoryFor(options: OrthancOptions, target: string): Promise<number> {
  const orthanc = await start(options);
  try {
    const before = residentMemory(orthanc.pid);
    await resetPeakMemory(orthanc.pid);
    await read(orthanc, target);
    return Math.max((peakMemory(orthanc.pid) - before) / MB, 1);
  } finally {
    await orthanc.kill();
  }
}

/**
 * Measures the longest time in milliseconds that another callback took while a client read a large answer.
 * @param pause milliseconds in which the client reads nothing
 */
async function longestWait(orthanc: Orthanc, target: string, pause = 0): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  let over = false;
  let longest = 0;
  const watch = async () => {
    while (!over) {
      const started = performance.now();
      await read(orthanc, "/small", 0, agent);
      longest = Math.max(longest, performance.now() - started);
      await sleep(1);
    }
  };
  const watching = watch();
  await read(orthanc, target, pause).finally(() => {
    over = true;
  });
  await watching;
  agent.destroy();
  return longest;
}

/** Reads an answer to its end, and discards it. */
async function read(orthanc: Orthanc, target: string, pause = 0, agent?: Agent): Promise<void> {
  const auth = `${orthanc.user}:${orthanc.password}`;
  await new Promise<void>((resolve, reject) => {
    get(orthanc.url + target, { auth, agent }, async (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`Orthanc has answered with status ${response.statusCode}: ${target}.`));
      }
      response.on("end", resolve).on("error", reject);
      await sleep(pause);
      response.resume();
    }).on("error", reject);
  });
}
