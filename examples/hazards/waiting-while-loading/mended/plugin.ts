/** Serves GET /computation: a sum that a worker adds up once, while the program loads. */
import { createServer } from "node:http";
import { Piscina } from "piscina";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 30; // seconds

const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: 2,
  maxThreads: 2,
});
const signal = AbortSignal.timeout(DEADLINE * 1000);
const total: number = await pool.run(undefined, { signal }); // An error ends the program.

const server = createServer((_request, response) => {
  response
    .writeHead(200, { "content-type": "text/plain" })
    .end(`${total.toFixed(0)}\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
