/** Serves an app on a real socket, and sends requests to it. */
import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { type Accounts, GuardedServer, type ServerEnvironment } from "../live/requestGuards.ts";
import { SECRET_HEADER } from "../protocol/live.ts";

/** A request. */
export interface PlainRequest {
  method?: string;
  path: string;
  /** A header that is undefined is not sent. */
  headers?: Record<string, string | undefined>;
  body?: string;
  /** Keeps connections for several requests. */
  agent?: Agent;
}

/** An answer. */
export interface PlainAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Serves an app on a free port of 127.0.0.1: returns the host name with the port, and a function that ends it. */
export async function serveApp({ fetch }: Hono<ServerEnvironment>, accounts: Accounts = "own") {
  const server = new GuardedServer(accounts, getRequestListener(fetch));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, server, close: () => server.close() };
}

/** Makes the headers that a page of a host sends to the API. */
export const pageHeaders = (host: string, secret: string) => ({
  origin: `http://${host}`,
  "content-type": "application/json",
  [SECRET_HEADER]: secret,
});

/** Sends a request with any headers, including those that `fetch` forbids, and waits for the whole answer. */
export async function ask(
  host: string,
  { method = "GET", path, headers, body, agent }: PlainRequest,
) {
  const [, hostname, port] = /^\[?(.*?)\]?:(\d+)$/.exec(host) ?? [];
  const sent = Object.entries({ host, ...headers }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return new Promise<PlainAnswer>((resolve, reject) => {
    const outgoing = request({
      hostname,
      port,
      method,
      path,
      agent,
      headers: Object.fromEntries(sent),
    });
    outgoing.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (data) => {
        text += data;
      });
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    // The server may close the connection before it has read the whole body of a request that it refuses.
    outgoing.on("error", reject);
    // After the answer, Node does not listen for errors while it sends the rest of the body.
    outgoing.once("socket", (socket) => {
      if (!outgoing.reusedSocket) socket.on("error", () => {});
    });
    outgoing.end(body);
  });
}
