/**
 * Runs long computations in workers, which report their progress.
 * POST /computations with {"count": N} starts one. GET /computations/{id} returns its state and
 * progress, and DELETE cancels it.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { MessageChannel } from "node:worker_threads";
import { WorkerPool } from "./pool.ts";
import type { Task } from "./worker.ts";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const WORKERS = 4;
const WAITING = 16; // computations that may wait for a worker
const PATIENCE = 600; // seconds that a computation may wait for a worker
const DEADLINE = 600; // seconds that it may then work
const KEPT = 300; // seconds for which an ended computation can be asked for
const LIMIT = 1000; // computations that are remembered
const BODY_LIMIT = 100; // bytes, as in the Python twin

interface Computation {
  id: string;
  state: "running" | "done" | "failed" | "cancelled";
  /** Percent. */
  progress: number;
  error: string | null;
}

// #region master
class Cancelled extends Error {}

const computations = new Map<string, { computation: Computation; cancel(): Promise<void> }>();
const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<Task, number>(file, {
  workers: WORKERS,
  waiting: WAITING,
  patience: PATIENCE,
});

/** Has a worker compute, and returns the new computation without waiting for it. */
function start(count: number): Computation {
  const id = randomUUID();
  const computation: Computation = { id, state: "running", progress: 0, error: null };
  const { port1, port2 } = new MessageChannel();
  port1.on("message", (progress: number) => {
    computation.progress = progress;
  });
  const closed = once(port1, "close");
  const ending = new AbortController();
  const task: Task = { count, messages: port2 };
  const ended = pool
    .run(task, { deadline: DEADLINE, transferList: [port2], ending })
    .finally(() => {
      port2.close(); // It is still here if no worker has had it.
      return closed; // The last messages may come after the result.
    })
    .then(() => Object.assign(computation, { state: "done" }))
    .catch((error: Error) => {
      const cancelled = error instanceof Cancelled;
      computation.state = cancelled ? "cancelled" : "failed";
      computation.error = cancelled ? null : error.message;
    })
    .finally(() => setTimeout(() => computations.delete(id), 1000 * KEPT).unref());
  const cancel = async () => {
    ending.abort(new Cancelled());
    await ended;
  };
  computations.set(id, { computation, cancel });
  return computation;
}
// #endregion

// #region callback
const server = createServer(async (request, response) => {
  const id = (request.url ?? "").split("?")[0]?.split("/")[2];
  if (id) await onComputation(id, request, response);
  else await onStart(request, response);
});

/** Answers POST /computations. */
async function onStart(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST") {
    response.writeHead(405, { allow: "POST" }).end();
  } else if (Number(request.headers["content-length"]) > BODY_LIMIT) {
    sendJson(response, 413, { error: `the body has more than ${BODY_LIMIT} bytes` });
  } else {
    const body = await json(request).catch(() => undefined);
    const count = (body as { count?: unknown } | null | undefined)?.count;
    if (!Number.isSafeInteger(count) || Number(count) < 0)
      sendJson(response, 400, { error: 'the body must be JSON like {"count": 1000}' });
    else if (pool.isFull || computations.size >= LIMIT)
      sendJson(response, 503, { error: "there are too many computations" });
    else sendJson(response, 202, start(Number(count)));
  }
}

/** Answers GET and DELETE /computations/{id}. */
async function onComputation(
  id: string,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const found = computations.get(id);
  if (method !== "GET" && method !== "DELETE") {
    response.writeHead(405, { allow: "GET, DELETE" }).end();
  } else if (!found) {
    sendJson(response, 404, { error: "no such computation" });
  } else {
    if (method === "DELETE") await found.cancel();
    sendJson(response, 200, found.computation);
  }
}
// #endregion

/** Answers with a status and a JSON body. */
function sendJson(response: ServerResponse, status: number, value: object): void {
  if (status === 503) response.setHeader("retry-after", "1");
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
