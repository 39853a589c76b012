/** A main thread whose worker crashes: `crash.ts thread|process HOW`. Says so if it is still there then. */
import { type Kind, startWorker, tell } from "./start.ts";

const [kind, how] = process.argv.slice(2);
const worker = startWorker(kind as Kind);
worker.once("message", () => tell(worker, how ?? ""));
worker.once("error", () => {});
worker.once("exit", () => console.log("goes on"));
