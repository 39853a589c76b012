/** Serves a computation on /computation, inside the handler itself. */
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const COUNT = 30_000_000;

// #region compute
/** Adds up square numbers: the sum, and how long it took, in seconds. */
function compute(count: number): [bigint, number] {
  const start = performance.now();
  // Exact, as whole numbers are in Python.
  let total = 0n;
  for (let number = 0n; number < count; number++) total += number * number;
  return [total, (performance.now() - start) / 1000];
}
// #endregion

// #region callback
/** Answers GET /computation. Node's event loop does nothing else. */
const server = createServer((request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const [total, seconds] = compute(COUNT);
  response
    .writeHead(200, { "content-type": "text/plain" })
    .end(`${total}, computed for ${seconds.toFixed(3)} seconds\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
// #endregion
