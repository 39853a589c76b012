/** The workers of the benchmark. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const WORKER = new URL("./worker.js", import.meta.url);
/** The size of a worker's heap in megabytes: filling it must not take the whole memory of the machine. */
const HEAP = 64;

export type WorkerKind = "thread" | "process";

/** Starts a worker thread or a child process, without the modules that this process has loaded. */
export function startWorker(kind: WorkerKind): Worker | ChildProcess {
  if (kind === "thread") {
    return new Worker(WORKER, {
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP },
    });
  }
  return fork(fileURLToPath(WORKER), {
    execArgv: [`--max-old-space-size=${HEAP}`],
    env: {},
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}

/** Sends a message to either. */
export function sendMessage(worker: Worker | ChildProcess, message: string | Uint8Array): void {
  if (worker instanceof Worker) worker.postMessage(message);
  else worker.send(message);
}

/** Ends either, whatever it is doing, and waits until it has ended. */
export async function endWorker(worker: Worker | ChildProcess): Promise<void> {
  const exited = once(worker, "exit");
  if (worker instanceof Worker) await worker.terminate();
  else worker.kill("SIGKILL");
  await exited;
}
