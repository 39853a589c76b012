/**
 * Runs long computations in workers, which send messages on how far they are.
 * POST /computations with {"count": N} starts one, GET /computations/{id} tells its progress.
 */
import { randomUUID } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Task } from "./worker.ts";

const WORKERS = 4;
const KEPT = 100; // Computations that are remembered.

interface Computation {
  id: string;
  state: "running" | "done" | "failed";
  progress: number;
}

// #region master
const computations = new Map<string, Computation>();
const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
});

/** Has a worker compute, and gives the new computation without waiting for it. */
function start(count: number): Computation {
  const computation: Computation = { id: randomUUID(), state: "running", progress: 0 };
  const { port1, port2 } = new MessageChannel();
  port1.on("message", (progress: number) => {
    computation.progress = progress;
  });

  const task: Task = { count, messages: port2 };
  pool.run(task, { transferList: [port2] }).then(
    () => {
      computation.state = "done";
    },
    (error) => {
      console.warn("A computation has failed:", error);
      computation.state = "failed";
    },
  );
  computations.set(computation.id, computation);
  for (const old of [...computations.keys()].slice(0, -KEPT)) computations.delete(old);
  return computation;
}
// #endregion

// #region callback
const server = createServer(async (request, response) => {
  const id = request.url?.split("/")[2];
  const allowed = id ? "GET" : "POST";
  if (request.method !== allowed) {
    response.writeHead(405, { allow: allowed }).end();
  } else if (id) {
    const computation = computations.get(id);
    if (computation) sendJson(response, 200, computation);
    else sendJson(response, 404, { error: "no such computation" });
  } else {
    const body = await json(request).catch(() => undefined);
    const count = (body as { count?: unknown } | null | undefined)?.count;
    if (Number.isSafeInteger(count) && Number(count) >= 0) {
      sendJson(response, 202, start(Number(count)));
    } else {
      sendJson(response, 400, { error: 'the body must be JSON like {"count": 1000}' });
    }
  }
});
// #endregion

/** Answers with a status and a JSON body. */
function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

server.listen(process.env.ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
