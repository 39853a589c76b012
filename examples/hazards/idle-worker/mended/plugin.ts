/** Serves GET /computation from child processes that are kept for the next call. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 30; // seconds
const WORKER = new URL("./worker.ts", import.meta.url);
const idle = new Set<ChildProcess>();

/** Starts a worker, which is forgotten when it ends. */
function start(): ChildProcess {
  const worker = fork(WORKER);
  return worker.once("exit", () => idle.delete(worker));
}

/** Has a worker add up that many square roots. Throws where it dies or is killed for taking too long. */
async function compute(count: number): Promise<number> {
  const [worker = start()] = idle;
  idle.delete(worker);
  const settled = new AbortController();
  const { signal } = settled;
  const timer = setTimeout(() => worker.kill("SIGKILL"), DEADLINE * 1000);
  try {
    worker.send(count);
    const died = once(worker, "exit", { signal }).then(() => {
      throw new Error("the worker has died");
    });
    const [sum] = await Promise.race([
      once(worker, "message", { signal }),
      died,
    ]);
    idle.add(worker);
    return sum;
  } finally {
    clearTimeout(timer);
    settled.abort();
  }
}

const server = createServer(async (request, response) => {
  const query = new URLSearchParams(request.url?.split("?")[1]);
  try {
    const sum = await compute(Number(query.get("count") ?? "1000"));
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
