/** Serves GET /computation from a child process for each call. */
import { fork } from "node:child_process";
import { Hono } from "hono";
import { serve } from "./routes.ts";

const WORKER = new URL("./worker.ts", import.meta.url);

/** Computes in a worker. */
function compute(count: string): Promise<string> {
  const worker = fork(WORKER, [count]);
  return new Promise((resolve) => {
    worker.once("message", resolve); // A worker that dies sends none.
  });
}

const routes = new Hono();

/** Answers GET /computation?count=N. */
routes.get("/computation", async (context) => {
  const total = await compute(context.req.query("count") ?? "1000");
  return context.text(`${total}\n`);
});

serve(routes);
