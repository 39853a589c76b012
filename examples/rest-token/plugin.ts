/** Serves the list of all instances on /computation: a worker asks Orthanc's REST API, by token. */
import { createServer, type ServerResponse } from "node:http";
import { Piscina } from "piscina";
import type { Answer } from "./worker.ts";

const WORKERS = 4;
const DEADLINE = 30; // seconds

// #region token
// The bridge has put the token and Orthanc's address into the environment, which workers share.
const { ORTHANC_TOKEN, ORTHANC_URL, ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_TOKEN || !ORTHANC_URL)
  throw new Error("Start this plugin through Orthanc's bridge.py");

const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
  // Otherwise an idle worker sleeps so deeply that it misses the end of its connections to Orthanc.
  atomics: "disabled",
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
    const signal = AbortSignal.timeout(DEADLINE * 1000); // It also ends the worker.
    const answer: Answer | undefined = await pool.run(undefined, { signal });
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
    const late = error instanceof Error && error.name === "AbortError";
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
