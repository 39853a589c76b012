/** Serves GET /computation from a pool whose file is not there. */
import { createServer } from "node:http";
import { Piscina } from "piscina";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const pool = new Piscina({
  filename: new URL("./workers.ts", import.meta.url).href, // The file is called worker.ts.
  minThreads: 2,
  maxThreads: 2,
});
pool.on("error", (error) => console.warn("A worker has failed:", error));

const server = createServer(async (_request, response) => {
  const sum: number = await pool.run(undefined);
  response
    .writeHead(200, { "content-type": "text/plain" })
    .end(`${sum.toFixed(0)}\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
