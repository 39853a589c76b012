/** Large answers: the memory they take in Orthanc, and how long other callbacks stand still for them. */
import { readFile, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import { type Measure, sideBySide } from "./benchmark.ts";

const SIZES = [10, 100, 500]; // MB
const MB = 1_000_000;
const PAUSE = 1_000; // milliseconds in which a slow client reads nothing

/**
 * Measures everything, so many times, on Orthancs with and without streams.
 * @param sizes of the answers, in MB
 * @throws StartError, InstallationError, PackagesError
 */
export async function measureLarge(rounds: number, sizes = SIZES): Promise<Measure[]> {
  const orthancs: Orthanc[] = [];
  const start = async (options: OrthancOptions) => {
    const orthanc = await startOrthanc({
      ...options,
      script: path.join(import.meta.dirname, "large.py"),
      configuration: {
        HttpCompressionEnabled: false,
        Node: { Script: path.join(import.meta.dirname, "large.js"), Routes: ["/node/.*"] },
        ...options.configuration,
      },
    });
    orthancs.push(orthanc);
    await read(orthanc, "/node/1");
    return orthanc;
  };
  try {
    const old = await start({ release: "bookworm" });
    const streams = await start({ release: "trixie" });
    const threads = await start({
      release: "trixie",
      configuration: { Python: { AllowThreads: true } },
    });
    const ways = {
      "Python, plugin 4.0: AnswerBuffer": { orthanc: old, route: "/python" },
      "TypeScript, plugin 4.0: collected": { orthanc: old, route: "/node" },
      "Python, plugin 5.0: AnswerBuffer": { orthanc: streams, route: "/python" },
      "TypeScript, plugin 5.0: streamed": { orthanc: streams, route: "/node" },
      "The same with AllowThreads": { orthanc: threads, route: "/node" },
    };
    const all = (
      measure: (orthanc: Orthanc, target: string) => Promise<number>,
      size: number,
    ): Record<string, () => Promise<number>> =>
      Object.fromEntries(
        Object.entries(ways).map(([name, { orthanc, route }]) => [
          name,
          () => measure(orthanc, `${route}/${size * MB}`),
        ]),
      );
    const measures: Measure[] = [];
    for (const size of sizes) {
      const title = `An answer of ${size} MB: memory that Orthanc takes for it`;
      measures.push(await sideBySide(title, "MB", rounds, all(memoryFor, size)));
    }
    for (const size of sizes) {
      const title = `An answer of ${size} MB: longest wait of another callback meanwhile`;
      measures.push(await sideBySide(title, "ms", rounds, all(waitDuring, size)));
    }
    const title = "An answer of 100 MB whose client reads nothing for a second: the same wait";
    measures.push(await sideBySide(title, "ms", rounds, all(waitDuringPause, 100)));
    return measures;
  } finally {
    await Promise.all(orthancs.map((orthanc) => orthanc.stop()));
  }
}

/** How many megabytes more Orthanc had at its peak than before. Less than one may be anything's. */
async function memoryFor(orthanc: Orthanc, target: string): Promise<number> {
  const memory = async (name: string) => {
    const status = await readFile(`/proc/${orthanc.pid}/status`, "utf8");
    return (Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) * 1024) / MB;
  };
  const before = await memory("VmRSS");
  // Linux forgets the old peak (proc(5), clear_refs).
  await writeFile(`/proc/${orthanc.pid}/clear_refs`, "5");
  await read(orthanc, target);
  return Math.max((await memory("VmHWM")) - before, 1);
}

const waitDuring = (orthanc: Orthanc, target: string) =>
  longestWait(orthanc, () => read(orthanc, target));
const waitDuringPause = (orthanc: Orthanc, target: string) =>
  longestWait(orthanc, () => read(orthanc, target, PAUSE));

/** The longest time in milliseconds that another callback's answer took, while something was going on. */
async function longestWait(orthanc: Orthanc, during: () => Promise<void>): Promise<number> {
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
  await during().finally(() => {
    over = true;
  });
  await watching;
  agent.destroy();
  return longest;
}

/** Reads an answer to its end, and drops it. */
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
