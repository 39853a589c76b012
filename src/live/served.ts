/** For tests: an app of ours behind a real socket, and how to ask it. */
import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { type Accounts, GuardedServer, type Served } from "./admission.ts";
import { SECRET_HEADER } from "./events.ts";

/** What is asked of a server. */
export interface Asked {
  method?: string;
  path: string;
  /** Undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  body?: string;
  /** Keeps connections for several. */
  agent?: Agent;
}

/** What it has answered. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Serves an app on a free port of 127.0.0.1: gives its host name with the port, and what ends it. */
export async function serveApp({ fetch }: Hono<Served>, accounts: Accounts = "own") {
  const server = new GuardedServer(accounts, getRequestListener(fetch));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, server, close: () => server.close() };
}

/** What a page of that host sends along with what it asks of the API. */
export const pageHeaders = (host: string, secret: string) => ({
  origin: `http://${host}`,
  "content-type": "application/json",
  [SECRET_HEADER]: secret,
});

/** Asks with any headers, even such as `fetch` does not let anybody set, and waits for the whole answer. */
export async function ask(host: string, { method = "GET", path, headers, body, agent }: Asked) {
  const [, hostname, port] = /^\[?(.*?)\]?:(\d+)$/.exec(host) ?? [];
  const sent = Object.entries({ host, ...headers }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return new Promise<Answer>((resolve, reject) => {
    const asked = request({
      hostname,
      port,
      method,
      path,
      agent,
      headers: Object.fromEntries(sent),
    });
    asked.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (data) => {
        text += data;
      });
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    // The server may close the connection before it has read all of a body that it refused.
    asked.on("error", reject);
    // Once the answer has come, Node does not listen for errors of the rest of the body.
    asked.once("socket", (socket) => {
      if (!asked.reusedSocket) socket.on("error", () => {});
    });
    asked.end(body);
  });
}
