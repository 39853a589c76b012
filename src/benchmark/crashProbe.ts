/** A main thread whose worker crashes or is ended: `crashProbe.ts thread|process HOW`. A survivor prints `alive`. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { endWorker, sendMessage, startWorker, type WorkerKind } from "./startWorker.ts";

/** The number of workers that are ended while they load. About one thread in 30 ends Node; a child process never does. */
const ROUNDS: Record<WorkerKind, number> = { thread: 500, process: 50 };

const [kind, how = ""] = process.argv.slice(2) as [WorkerKind, string];
const endIt = how === "end while it loads";
for (let round = 0; round < (endIt ? ROUNDS[kind] : 1); round++) {
  const worker = startWorker(kind);
  worker.once("error", () => {});
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  await once(worker, "message");
  sendMessage(worker, how);
  if (endIt) await sleep(10).then(() => endWorker(worker));
  await exited;
}
console.log("alive");
