/** Behind the bridge: answers `/node/SIZE` with so many bytes. */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const PIECE = Buffer.alloc(65_536, "x");

const server = createServer((request, response) => {
  const size = Number(request.url?.split("/")[2]);
  response.writeHead(200, { "content-length": size });
  const pieces = function* () {
    for (let sent = 0; sent < size; sent += PIECE.length) yield PIECE.subarray(0, size - sent);
  };
  pipeline(Readable.from(pieces()), response).catch(() => {});
});

process.on("SIGTERM", () => process.exit());
process.stdin.resume().once("end", () => process.exit());
server.listen(process.env.ORTHANC_PLUGIN_SOCKET);
