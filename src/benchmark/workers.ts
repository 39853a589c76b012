/** Worker threads and child processes: how fast they start, what they weigh, how they take a large buffer. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Worker } from "node:worker_threads";
import { execaNode } from "execa";
import { type Measure, sideBySide } from "./benchmark.ts";
import { endWorker, type Kind, startWorker, tell } from "./start.ts";

const BUFFER = 100 * 1024 * 1024; // bytes
const WORKERS = 4;

/** Measures everything, so many times. It needs Linux, which counts the memory that processes share. */
export async function measureWorkers(rounds: number): Promise<Measure[]> {
  return [
    await sideBySide("From its start to its first message", "ms", rounds, {
      "Worker thread": () => startTime("thread"),
      "Child process": () => startTime("process"),
    }),
    await sideBySide("Memory of each of four workers", "MB", rounds, {
      "Worker thread": () => memory("thread"),
      "Child process": () => memory("process"),
    }),
    await sideBySide("Passing a buffer of 100 MB, until the worker has it", "ms", rounds, {
      "Worker thread, transferred": () => passing("thread", transfer),
      "Worker thread, shared": () => passing("thread", tell, new SharedArrayBuffer(BUFFER)),
      "Worker thread, copied": () => passing("thread", tell),
      "Child process, copied": () => passing("process", tell),
    }),
  ];
}

/** How a worker may come to its end, in the words that it is told. */
export const CRASHES = ["throw", "fill the heap", "crash", "end while it loads"] as const;

/** Whether the main thread outlives such an end of its worker. */
export async function outlives(kind: Kind, how: (typeof CRASHES)[number]): Promise<boolean> {
  const { stdout, timedOut } = await execaNode({
    reject: false,
    timeout: 300_000,
    nodeOptions: ["--import=@oxc-node/core/register"],
  })(path.join(import.meta.dirname, "crash.ts"), [kind, how]);
  if (timedOut) throw new Error(`It is not seen in five minutes what "${how}" does to a ${kind}.`);
  return stdout.includes("goes on");
}

async function startTime(kind: Kind): Promise<number> {
  const started = performance.now();
  const worker = startWorker(kind);
  await once(worker, "message");
  const time = performance.now() - started;
  await endWorker(worker);
  return time;
}

async function memory(kind: Kind): Promise<number> {
  const before = await proportionalSize(process.pid);
  const workers = Array.from({ length: WORKERS }, () => startWorker(kind));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const children = workers.flatMap((worker) => ("pid" in worker && worker.pid ? [worker.pid] : []));
  const sizes = await Promise.all([process.pid, ...children].map(proportionalSize));
  const after = sizes.reduce((sum, size) => sum + size, 0);
  await Promise.all(workers.map(endWorker));
  return (after - before) / WORKERS;
}

/** The memory of a process in megabytes; of pages that processes share, its part. */
async function proportionalSize(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss: +(\d+) kB/m.exec(text)?.[1]) / 1024;
}

async function passing(
  kind: Kind,
  send: (worker: Worker | ChildProcess, bytes: Uint8Array) => void,
  buffer: ArrayBufferLike = new ArrayBuffer(BUFFER),
): Promise<number> {
  // Written to, so that the machine has given it its memory.
  const bytes = new Uint8Array(buffer).fill(1);
  const worker = startWorker(kind);
  await once(worker, "message");
  const started = performance.now();
  send(worker, bytes);
  const [length] = await once(worker, "message");
  const time = performance.now() - started;
  await endWorker(worker);
  if (length !== BUFFER) throw new Error(`The worker has received ${length} of ${BUFFER} bytes.`);
  return time;
}

function transfer(worker: Worker | ChildProcess, bytes: Uint8Array): void {
  (worker as Worker).postMessage(bytes, [bytes.buffer as ArrayBuffer]);
}
