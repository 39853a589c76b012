/** Serves a CPU-heavy computation on /computation from a pool of worker threads. */
import { createServer, type ServerResponse } from "node:http";
import { PoolError, WorkerPool } from "./pool.ts";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const WORKERS = 4;
const WAITING = 16; // calls that may wait for a worker
const DEADLINE = 30; // seconds
const SQUARE_ROOTS = 900_000_000;

// #region pool
const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<number, number>(file, { workers: WORKERS, waiting: WAITING });
// #endregion

// #region callback
/** Answers GET /computation?count=N. */
const server = createServer(async (request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const query = new URLSearchParams(request.url?.split("?")[1]);
  const count = query.get("count") ?? String(SQUARE_ROOTS);
  if (!/^[0-9]{1,15}$/.test(count)) {
    sendError(response, 400, "count must be a whole number below 10^15");
    return;
  }
  try {
    const seconds = await pool.run(Number(count), { deadline: DEADLINE });
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(`computed for ${seconds.toFixed(3)} seconds\n`);
  } catch (error) {
    console.warn("A worker gave no result:", error);
    if (error instanceof PoolError) sendError(response, error.status, error.message);
    else sendError(response, 503, "the worker has failed");
  }
});
// #endregion

/** Answers with a status and a JSON body that says why. */
function sendError(response: ServerResponse, status: number, message: string): void {
  if (status === 503) response.setHeader("retry-after", "1");
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(JSON.stringify({ error: message }));
}

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
