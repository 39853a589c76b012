/** Serves a summary of an instance on /dicom-summary/{id}: a worker thread parses its file. */
import { createServer, type ServerResponse } from "node:http";
import { Agent, request as fetchFromOrthanc } from "undici";
import { PoolError, WorkerPool } from "./pool.ts";
import type { Summary } from "./worker.ts";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const WORKERS = 4;
const WAITING = 16; // calls that may wait for a worker
const DEADLINE = 30; // seconds
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<ArrayBuffer, Summary | undefined>(file, {
  workers: WORKERS,
  waiting: WAITING,
});
// Undici keeps no connection to Orthanc, unless its margin of 2 s is made smaller.
const dispatcher = new Agent({ keepAliveTimeoutThreshold: 100 });

// #region callback
/** Answers GET /dicom-summary/{id}. The main thread fetches the file: a worker is handed its bytes. */
const server = createServer(async (request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const [path = ""] = (request.url ?? "").split("?");
  const id = path.split("/")[2] ?? "";
  // Whatever else goes into a path may make it another one.
  if (!ORTHANC_ID.test(id)) {
    sendJson(response, 404, { error: "no such instance" });
    return;
  }
  try {
    const file = await fetchFromOrthanc(`${ORTHANC_URL}/instances/${id}/file`, {
      dispatcher,
      headers: { authorization: ORTHANC_TOKEN },
      signal: AbortSignal.timeout(1000 * DEADLINE),
    });
    const bytes = await file.body.arrayBuffer();
    if (file.statusCode === 404) {
      sendJson(response, 404, { error: "no such instance" });
    } else if (file.statusCode !== 200) {
      console.warn(`Orthanc can't read ${path}: status ${file.statusCode}`);
      sendJson(response, 502, { error: "Orthanc can't read the instance's file" });
    } else {
      const summary = await pool.run(bytes, { deadline: DEADLINE, transferList: [bytes] });
      if (summary) sendJson(response, 200, summary);
      else sendJson(response, 422, { error: "the instance's file can't be parsed" });
    }
  } catch (error) {
    console.warn(`No summary for ${path}:`, error);
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
