/** Serves GET /computation from a child process for each call. */
import { fork } from "node:child_process";
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 10; // seconds, with Node's start
const WORKER = new URL("./worker.ts", import.meta.url);

/** Has a worker add up that many square roots. Throws where it dies or takes too long. */
function compute(count: string): Promise<number> {
  const worker = fork(WORKER, [count], {
    timeout: DEADLINE * 1000,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the worker has died")));
  });
}

const server = createServer(async (request, response) => {
  const query = new URLSearchParams(request.url?.split("?")[1]);
  try {
    const sum = await compute(query.get("count") ?? "1000");
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
