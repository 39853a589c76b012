/** Serves GET /computation from a pool that loads worker.ts. */
import { createServer } from "node:http";
import { Piscina } from "piscina";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 30; // seconds

// Nobody listens to the pool's errors: one that belongs to no call ends the program.
const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: 2,
  maxThreads: 2,
});

const server = createServer(async (_request, response) => {
  try {
    const signal = AbortSignal.timeout(DEADLINE * 1000);
    const sum: number = await pool.run(undefined, { signal });
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(`${sum.toFixed(0)}\n`);
  } catch (error) {
    console.warn("A computation has failed:", error);
    const late = error instanceof Error && error.name === "AbortError";
    response.writeHead(late ? 504 : 503).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
