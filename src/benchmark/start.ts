/** Starts the workers of the benchmark. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const WORKER = new URL("./worker.js", import.meta.url);
/** Of JavaScript's heap, in megabytes: so that filling it takes no machine's whole memory. */
const HEAP = 64;

export type Kind = "thread" | "process";

/** Starts a worker thread or a child process, without what this process has loaded. */
export function startWorker(kind: Kind): Worker | ChildProcess {
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
export function tell(worker: Worker | ChildProcess, message: string | Uint8Array): void {
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
