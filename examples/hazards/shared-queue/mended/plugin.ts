/** Starts tasks on /start?size=N and passes on their messages on /messages, each from its own. */
import { fork } from "node:child_process";
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 30_000; // milliseconds
const WORKERS = 2;
const WORKER = new URL("./worker.ts", import.meta.url);
let running = 0;
let latest: { message?: string } = {};

/** Starts a task in a child process, which has a channel of its own. */
function start(size: number): void {
  const task: typeof latest = {};
  latest = task;
  running += 1;
  const child = fork(WORKER, { timeout: DEADLINE, killSignal: "SIGKILL" });
  child.once("message", (message) => {
    task.message = String(message);
  });
  child.once("error", (error) => console.warn("A worker has failed:", error));
  child.once("close", () => {
    running -= 1;
  });
  child.send(size);
}

const server = createServer((request, response) => {
  const [path, query] = (request.url ?? "").split("?");
  response.setHeader("content-type", "text/plain");
  if (path === "/messages") {
    const { message } = latest;
    if (message === undefined) response.writeHead(504).end();
    else response.end(`${message.length} bytes\n`);
  } else if (running >= WORKERS) {
    response.writeHead(503).end();
  } else {
    start(Number(new URLSearchParams(query).get("size")));
    response.end("started\n");
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
