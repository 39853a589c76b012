/** Serves GET /caller: whether a request comes with a token or with a password. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const scheme = (request.headers.authorization ?? "none").split(" ")[0];
  console.warn(`${request.url} asks by ${scheme} (${randomUUID()})`);
  response.writeHead(200, { "content-type": "text/plain" }).end(`${scheme}\n`);
});

server.listen(process.env.ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
