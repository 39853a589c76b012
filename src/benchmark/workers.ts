/** Worker threads and child processes: start time, memory, and the time to receive a large buffer. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Worker } from "node:worker_threads";
import { execaNode } from "execa";
import { proportionalMemory } from "../linux/memory.ts";
import type { Measure } from "../protocol/benchmark.ts";
import { compareWays } from "./benchmark.ts";
import { endWorker, sendMessage, startWorker, type WorkerKind } from "./startWorker.ts";

const MIB = 1024 * 1024;
const BUFFER = 100 * MIB; // bytes
const WORKERS = 4;

/** Measures everything in several rounds. This needs Linux, which counts the memory that processes share. */
export async function measureWorkers(rounds: number): Promise<Measure[]> {
  return [
    await compareWays("From its start to its first message", "ms", rounds, {
      "Worker thread": () => startTime("thread"),
      "Child process": () => startTime("process"),
    }),
    await compareWays("Memory of each of four workers", "MB", rounds, {
      "Worker thread": () => memory("thread"),
      "Child process": () => memory("process"),
    }),
    await compareWays("Passing a buffer of 100 MB, until the worker has it", "ms", rounds, {
      "Worker thread, transferred": () => passing("thread", transfer),
      "Worker thread, shared": () => passing("thread", sendMessage, new SharedArrayBuffer(BUFFER)),
      "Worker thread, copied": () => passing("thread", sendMessage),
      "Child process, copied": () => passing("process", sendMessage),
    }),
  ];
}

/** The ways in which a worker may end: the messages that it receives. */
export const CRASHES = ["throw", "fill the heap", "crash", "end while it loads"] as const;

/** Tells if the main thread outlives its worker. */
export async function outlives(kind: WorkerKind, how: (typeof CRASHES)[number]): Promise<boolean> {
  const { stdout, timedOut } = await execaNode({
    reject: false,
    timeout: 300_000,
    nodeOptions: ["--import=@oxc-node/core/register"],
  })(path.join(import.meta.dirname, "crashProbe.ts"), [kind, how]);
  if (timedOut)
    throw new Error(`After five minutes, the outcome of "${how}" for a ${kind} is unknown.`);
  return stdout.includes("alive");
}

async function startTime(kind: WorkerKind): Promise<number> {
  const started = performance.now();
  const worker = startWorker(kind);
  await once(worker, "message");
  const time = performance.now() - started;
  await endWorker(worker);
  return time;
}

async function memory(kind: WorkerKind): Promise<number> {
  const before = await proportionalMemory(process.pid);
  const workers = Array.from({ length: WORKERS }, () => startWorker(kind));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const children = workers.flatMap((worker) => ("pid" in worker && worker.pid ? [worker.pid] : []));
  const sizes = await Promise.all([process.pid, ...children].map(proportionalMemory));
  const after = sizes.reduce((sum, size) => sum + size, 0);
  await Promise.all(workers.map(endWorker));
  return (after - before) / WORKERS / MIB;
}

async function passing(
  kind: WorkerKind,
  send: (worker: Worker | ChildProcess, bytes: Uint8Array) => void,
  buffer: ArrayBufferLike = new ArrayBuffer(BUFFER),
): Promise<number> {
  // Written to, so that the system has allocated its memory.
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
