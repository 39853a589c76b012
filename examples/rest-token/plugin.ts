/** Serves the list of all instances on /computation: a worker asks Orthanc's REST API, by token. */
import { createServer, type ServerResponse } from "node:http";
import { PoolError, WorkerPool } from "./pool.ts";
import type { Answer } from "./worker.ts";

const WORKERS = 4;
// Each call holds one of Orthanc's 50 HTTP threads, and each worker that asks Orthanc needs another.
const WAITING = 16;
const DEADLINE = 30; // seconds

// #region token
// The bridge has put the token and Orthanc's address into the environment, which workers share.
const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<undefined, Answer | undefined>(file, {
  workers: WORKERS,
  waiting: WAITING,
});
// #endregion

// #region callback
/** Answers GET /computation. */
const server = createServer(async (request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  try {
    const answer = await pool.run(undefined, { deadline: DEADLINE });
    if (!answer) {
      sendJson(response, 502, { error: "the worker can't reach Orthanc" });
    } else if (answer.status === 200) {
      sendJson(response, 200, answer.instances);
    } else {
      const error = `Orthanc answered the worker with status ${answer.status}`;
      sendJson(response, 502, { error });
    }
  } catch (error) {
    console.warn("A worker gave no result:", error);
    if (error instanceof PoolError) sendJson(response, error.status, { error: error.message });
    else sendJson(response, 503, { error: "the worker has failed" });
  }
});
// #endregion

/** Answers with a status and a JSON body. */
function sendJson(response: ServerResponse, status: number, value: object): void {
  if (status === 503) response.setHeader("retry-after", "1");
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
