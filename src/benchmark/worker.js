/** The other end of a benchmark: a worker thread or a child process. JavaScript, so that no loader is timed. */
import { createRequire } from "node:module";
import { parentPort } from "node:worker_threads";

const channel = parentPort ?? process;
const send = (/** @type {unknown} */ message) =>
  parentPort ? parentPort.postMessage(message) : process.send?.(message);

channel.on("message", (/** @type {unknown} */ message) => {
  if (message === "throw") throw new Error("thrown on purpose");
  if (message === "fill the heap") fillHeap();
  // As a fault in native code does it: process.abort() is refused in a thread.
  if (message === "crash") process.kill(process.pid, "SIGSEGV");
  if (message === "end while it loads") loadForEver();
  if (message instanceof Uint8Array) send(message.byteLength);
});
send("ready");

function fillHeap() {
  const kept = [];
  for (;;) kept.push(new Array(1_000_000).fill(kept.length));
}

function loadForEver() {
  const require = createRequire(import.meta.url);
  const file = require.resolve("p-queue"); // an ES module
  for (;;) {
    delete require.cache[file];
    require(file);
  }
}
