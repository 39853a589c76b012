/** Serves GET /computation from a child process for each call. */
import { fork } from "node:child_process";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { serve } from "./routes.ts";

const DEADLINE = 30_000; // milliseconds
const WORKER = new URL("./worker.ts", import.meta.url);

/** Computes in a worker. Throws if it dies, or is killed at the deadline. */
function compute(count: string): Promise<string> {
  const worker = fork(WORKER, [count], {
    timeout: DEADLINE,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve, reject) => {
    const error = new HTTPException(503, { message: "the worker has died" });
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(error));
  });
}

const routes = new Hono();

/** Answers GET /computation?count=N. */
routes.get("/computation", async (context) => {
  const total = await compute(context.req.query("count") ?? "1000");
  return context.text(`${total}\n`);
});

serve(routes);
