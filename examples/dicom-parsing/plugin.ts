/** Serves a summary of an instance on /dicom-summary/{id}: a worker thread parses its file. */
import { createServer, type ServerResponse } from "node:http";
import { Piscina } from "piscina";
import { Agent, request as fetchFromOrthanc } from "undici";
import type { Summary } from "./worker.ts";

const WORKERS = 4;
const DEADLINE = 30; // seconds
const { ORTHANC_URL, ORTHANC_TOKEN, ORTHANC_PLUGIN_SOCKET } = process.env;

const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
});
const limit = DEADLINE * 1000;
const dispatcher = new Agent({ headersTimeout: limit, bodyTimeout: limit });

// #region callback
/** Answers GET /dicom-summary/{id}. The main thread fetches the file: a worker is handed its bytes. */
const server = createServer(async (request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const id = request.url?.split("/")[2];
  try {
    const signal = AbortSignal.timeout(limit); // It also ends the worker.
    const headers = { authorization: ORTHANC_TOKEN };
    const file = await fetchFromOrthanc(`${ORTHANC_URL}/instances/${id}/file`, {
      dispatcher,
      headers,
      signal,
    });
    const bytes = await file.body.arrayBuffer();
    if (file.statusCode === 404) {
      sendJson(response, 404, { error: "no such instance" });
    } else if (file.statusCode !== 200) {
      sendJson(response, 502, { error: `Orthanc can't read the file: status ${file.statusCode}` });
    } else {
      const summary: Summary | undefined = await pool.run(bytes, {
        signal,
        transferList: [bytes],
      });
      if (summary) sendJson(response, 200, summary);
      else sendJson(response, 422, { error: "the instance's file can't be parsed" });
    }
  } catch (error) {
    console.warn("A worker gave no result:", error);
    const late = error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name);
    if (late) sendJson(response, 504, { error: `no worker finished within ${DEADLINE} seconds` });
    else sendJson(response, 503, { error: "the worker has failed" });
  }
});
// #endregion

/** Answers with a status and a JSON body. */
function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
