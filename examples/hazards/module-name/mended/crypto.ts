/** Serves GET /caller: whether a request comes with a token or with a password. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET } = process.env;
if (!ORTHANC_PLUGIN_SOCKET)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const server = createServer((request, response) => {
  const scheme = (request.headers.authorization ?? "none").split(" ")[0];
  console.warn(`${request.url} asks by ${scheme} (${randomUUID()})`);
  response.writeHead(200, { "content-type": "text/plain" }).end(`${scheme}\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
