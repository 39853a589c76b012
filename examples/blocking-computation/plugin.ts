/** Serves a CPU-heavy computation on /computation, inside the request's handler itself. */
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

// V8 runs this loop about 30 times as fast as CPython does.
const SQUARE_ROOTS = 900_000_000;

// #region compute
/** Computes that many square roots and gives how long it took, in seconds. */
function compute(count: number): number {
  const start = performance.now();
  let sum = 0;
  for (let number = 0; number < count; number++) sum += Math.sqrt(number);
  // A sum that is looked at keeps the compiler from dropping the loop.
  return sum < 0 ? 0 : (performance.now() - start) / 1000;
}
// #endregion

// #region callback
/** Answers GET /computation. Node's event loop does nothing else meanwhile. */
const server = createServer((request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const seconds = compute(SQUARE_ROOTS);
  response
    .writeHead(200, { "content-type": "text/plain" })
    .end(`computed for ${seconds.toFixed(3)} seconds\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
// #endregion
