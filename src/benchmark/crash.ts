/** A main thread whose worker crashes or is ended: `crash.ts thread|process HOW`. Says so if it is still there then. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { endWorker, type Kind, startWorker, tell } from "./start.ts";

/** How many workers are ended while they load. About one thread in 30 takes Node with it; a child process never does. */
const ROUNDS: Record<Kind, number> = { thread: 500, process: 50 };

const [kind, how = ""] = process.argv.slice(2) as [Kind, string];
const endIt = how === "end while it loads";
for (let round = 0; round < (endIt ? ROUNDS[kind] : 1); round++) {
  const worker = startWorker(kind);
  worker.once("error", () => {});
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  await once(worker, "message");
  tell(worker, how);
  if (endIt) await sleep(10).then(() => endWorker(worker));
  await exited;
}
console.log("goes on");
