/** Serves POST /studies, which counts the studies that a JSON document lists. */
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const BODY_LIMIT = 1_000_000; // bytes

const server = createServer(async (request, response) => {
  if (Number(request.headers["content-length"]) > BODY_LIMIT) {
    response.writeHead(413).end();
    return;
  }
  const body = await json(request).catch(() => undefined);
  const studies = (body as { studies?: unknown } | null | undefined)?.studies;
  response.setHeader("content-type", "text/plain");
  if (Array.isArray(studies)) response.end(`${studies.length} studies\n`);
  else response.writeHead(400).end();
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
