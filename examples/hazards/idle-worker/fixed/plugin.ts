/** Serves GET /computation from child processes that are used again. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { serve } from "./routes.ts";

const DEADLINE = 30_000; // milliseconds
const WORKER = new URL("./worker.ts", import.meta.url);
const idle = new Set<ChildProcess>();

/** Starts a worker, which is forgotten when it ends. */
function start(): ChildProcess {
  const worker = fork(WORKER);
  return worker.once("exit", () => idle.delete(worker));
}

/** Computes in a worker. Throws if it dies, or is killed at the deadline. */
async function compute(count: string): Promise<string> {
  const [worker = start()] = idle;
  idle.delete(worker);
  const listening = new AbortController();
  const { signal } = listening;
  const timer = setTimeout(() => worker.kill("SIGKILL"), DEADLINE);
  try {
    worker.send(count);
    const died = once(worker, "exit", { signal }).then(() => {
      throw new HTTPException(503, { message: "the worker has died" });
    });
    const answer = once(worker, "message", { signal });
    const [total] = await Promise.race([answer, died]);
    idle.add(worker);
    return total;
  } finally {
    clearTimeout(timer);
    listening.abort();
  }
}

const routes = new Hono();

/** Answers GET /computation?count=N. */
routes.get("/computation", async (context) => {
  const total = await compute(context.req.query("count") ?? "1000");
  return context.text(`${total}\n`);
});

serve(routes);
