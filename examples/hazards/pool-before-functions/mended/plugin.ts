/** Serves two routes from a pool: /computation has a function in worker.ts, /forgotten has none. */
import { createServer } from "node:http";
import { Piscina } from "piscina";

const DEADLINE = 30; // seconds

// The pool is made first, and gets a file's name: each worker loads that file itself.
const pool = new Piscina({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: 2,
  maxThreads: 2,
});

const server = createServer(async (request, response) => {
  const name = request.url === "/forgotten" ? "forgotten" : "compute";
  try {
    const sum: number = await pool.run(undefined, {
      name, // of a function that the worker's file exports
      signal: AbortSignal.timeout(DEADLINE * 1000),
    });
    response.writeHead(200, { "content-type": "text/plain" }).end(`${sum.toFixed(0)}\n`);
  } catch (error) {
    console.warn("A computation has failed:", error);
    const late = error instanceof Error && error.name === "AbortError";
    response.writeHead(late ? 504 : 503).end();
  }
});

server.listen(process.env.ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
