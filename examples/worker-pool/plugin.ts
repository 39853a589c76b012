/** Serves a CPU-heavy computation on /computation from a pool of worker threads. */
import { createServer, type ServerResponse } from "node:http";
import { Piscina } from "piscina";

const WORKERS = 4;
const DEADLINE = 30; // seconds
const SQUARE_ROOTS = 900_000_000;

// #region pool
const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
});
// #endregion

// #region callback
/** Answers GET /computation?count=N. */
const server = createServer(async (request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const { searchParams } = new URL(request.url ?? "/", "http://plugin");
  const count = searchParams.get("count") ?? String(SQUARE_ROOTS);
  if (!/^[0-9]+$/.test(count)) {
    sendError(response, 400, "count must be a whole number");
    return;
  }
  try {
    const signal = AbortSignal.timeout(DEADLINE * 1000); // It also ends the worker.
    const seconds: number = await pool.run(Number(count), { signal });
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(`computed for ${seconds.toFixed(3)} seconds\n`);
  } catch (error) {
    console.warn("A worker gave no result:", error);
    const late = error instanceof Error && error.name === "AbortError";
    if (late) sendError(response, 504, `no worker finished within ${DEADLINE} seconds`);
    else sendError(response, 503, "the worker has failed");
  }
});
// #endregion

/** Answers with a status and a JSON body that says why. */
function sendError(response: ServerResponse, status: number, message: string): void {
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(JSON.stringify({ error: message }));
}

server.listen(process.env.ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
