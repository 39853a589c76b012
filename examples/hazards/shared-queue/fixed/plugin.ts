/** Starts tasks on /start?size=N; /messages passes on what they send. */
import { fork } from "node:child_process";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { serve } from "./routes.ts";

const DEADLINE = 30_000; // milliseconds
const WORKERS = 2;
const WORKER = new URL("./worker.ts", import.meta.url);

let running = 0;
let latest: { message?: string } = {};

/** Starts a task in a worker, which has its own channel. */
function start(size: string): void {
  const task: typeof latest = {};
  latest = task;
  running += 1;
  const worker = fork(WORKER, [size], {
    timeout: DEADLINE,
    killSignal: "SIGKILL",
  });
  worker.once("message", (message: string) => Object.assign(task, { message }));
  worker.once("error", (error) => console.warn("A worker has failed:", error));
  worker.once("close", () => {
    running -= 1;
  });
}

const routes = new Hono();

/** Starts a task, and does not wait for it. */
routes.get("/start", (context) => {
  if (running === WORKERS)
    throw new HTTPException(503, { message: "all workers are busy" });
  start(context.req.query("size") ?? "");
  return context.text("started\n");
});

/** Answers with the size of the latest task's message. */
routes.get("/messages", (context) => {
  const { message } = latest;
  if (message === undefined)
    throw new HTTPException(504, { message: "there is no message" });
  return context.text(`${message.length} bytes\n`);
});

serve(routes);
