/** Serves GET /computation from a child process for each call, and waits for ever where that is killed. */
import { fork } from "node:child_process";
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const WORKER = new URL("./worker.ts", import.meta.url);

// #region wait
/** Has a worker compute. */
function compute(): Promise<number> {
  const worker = fork(WORKER);
  return new Promise((resolve) => {
    worker.once("message", resolve); // A dead worker sends no message.
  });
}
// #endregion

const server = createServer(async (_request, response) => {
  const sum = await compute();
  response
    .writeHead(200, { "content-type": "text/plain" })
    .end(`${sum.toFixed(0)}\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
