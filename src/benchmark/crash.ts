/** A main thread whose worker crashes or is ended: `crash.ts thread|process HOW`. Says so if it is still there then. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { endWorker, type Kind, startWorker, tell } from "./start.ts";

/** How many workers are ended while they load: for one, the moment may do no harm. */
const ROUNDS = 100;

const [kind, how = ""] = process.argv.slice(2);
const endIt = how === "end while it loads";
for (let round = 0; round < (endIt ? ROUNDS : 1); round++) {
  const worker = startWorker(kind as Kind);
  worker.once("error", () => {});
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  await once(worker, "message");
  tell(worker, how);
  if (endIt) await sleep(10).then(() => endWorker(worker));
  await exited;
}
console.log("goes on");
