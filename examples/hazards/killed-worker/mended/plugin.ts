/** Serves GET /computation from a child process for each call, and notices when that dies. */
import { fork } from "node:child_process";
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 30; // seconds
const WORKER = new URL("./worker.ts", import.meta.url);

// #region wait
/** Has a worker compute. Throws where it dies, or is killed because it takes too long. */
function compute(): Promise<number> {
  const worker = fork(WORKER, {
    timeout: DEADLINE * 1000,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the worker has died")));
  });
}
// #endregion

const server = createServer(async (_request, response) => {
  try {
    const sum = await compute();
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(`${sum.toFixed(0)}\n`);
  } catch (error) {
    console.warn("A computation has failed:", error);
    response.writeHead(503).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
