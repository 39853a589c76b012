import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "./api.ts";
import { SECRET_HEADER } from "./events.ts";

const SECRET = "the secret of this test";
const RUN = JSON.stringify({ example: "rest-token", twins: ["python"] });

let server: ServerType;
let host: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server = serve({ fetch: createApi(SECRET).fetch, hostname: "127.0.0.1", port: 0 }, () =>
      resolve(),
    );
  });
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
});

interface Asked {
  method?: string;
  path?: string;
  /** In the place of those that a page of ours would send; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  body?: string;
}

/** Asks as a page of ours does, but for what is given. */
async function ask({ method = "POST", path = "/live/runs", headers, body = RUN }: Asked) {
  const all = {
    host,
    origin: `http://${host}`,
    "content-type": "application/json",
    [SECRET_HEADER]: SECRET,
    ...headers,
  };
  const sent = Object.entries(all).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return new Promise<{ status: number; error: string }>((resolve, reject) => {
    const [hostname, port] = host.split(":");
    const asked = request({ hostname, port, method, path, headers: Object.fromEntries(sent) });
    asked.once("response", (response) => {
      let text = "";
      response.on("data", (data) => {
        text += data;
      });
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, error: JSON.parse(text).error }),
      );
    });
    // The server may close the connection before it has read all of a body that it refused.
    asked.once("error", reject);
    asked.end(body);
  });
}

test.each<[string, Asked, number, RegExp]>([
  ["a foreign host name", { headers: { host: "evil.example" } }, 403, /host name must be one of/],
  ["another port", { headers: { host: "127.0.0.1:1" } }, 403, /host name must be one of/],
  ["a foreign origin", { headers: { origin: "http://evil.example" } }, 403, /own pages/],
  ["no origin", { headers: { origin: undefined } }, 403, /own pages/],
  ["an opaque origin", { headers: { origin: "null" } }, 403, /own pages/],
  ["another site", { headers: { "sec-fetch-site": "cross-site" } }, 403, /another site/],
  ["another port's page", { headers: { "sec-fetch-site": "same-site" } }, 403, /another site/],
  ["no secret", { headers: { [SECRET_HEADER]: undefined } }, 403, /secret is missing or wrong/],
  [
    "a wrong secret",
    { headers: { [SECRET_HEADER]: "guessed" } },
    403,
    /secret is missing or wrong/,
  ],
  [
    "a preflight request",
    { method: "OPTIONS", body: "", headers: { [SECRET_HEADER]: undefined } },
    403,
    /sec/,
  ],
  ["a form", { headers: { "content-type": "text/plain" } }, 415, /must be application\/json/],
  ["malformed JSON", { body: "{" }, 400, /Malformed JSON/],
  ["a list", { body: "[]" }, 400, /the body: /],
  ["an unknown member", { body: '{"example":"a","twins":["python"],"x":1}' }, 400, /"x"/],
  ["too many calls", { body: '{"example":"a","twins":["python"],"calls":9}' }, 400, /calls: /],
  ["an unknown twin", { body: '{"example":"a","twins":["cobol"]}' }, 400, /twins/],
  ["a twin twice", { body: '{"example":"a","twins":["python","python"]}' }, 400, /a twin twice/],
  [
    "a file elsewhere",
    { body: '{"example":"a","twins":["python"],"edited":{"../bridge.py":""}}' },
    400,
    /edited/,
  ],
  ["an unknown example", { body: '{"example":"no","twins":["python"]}' }, 404, /examples are: /],
  ["an example elsewhere", { body: '{"example":"../src","twins":["python"]}' }, 404, /no example/],
  ["a body of 10 MB", { body: `"${"x".repeat(10_000_000)}"` }, 413, /at most 256000 bytes/],
  [
    "a body of 10 MB of unknown length",
    { body: `"${"x".repeat(10_000_000)}"`, headers: { "transfer-encoding": "chunked" } },
    413,
    /at most 256000 bytes/,
  ],
  [
    "an unknown run",
    { method: "GET", path: "/live/runs/none/events", body: "" },
    404,
    /no such run/,
  ],
  [
    "an unknown run to stop",
    { method: "DELETE", path: "/live/runs/none", body: "" },
    404,
    /no such/,
  ],
  ["an unknown path", { method: "GET", path: "/live/nothing", body: "" }, 404, /no GET \/live/],
])("%s is refused with a reason", async (_, asked, status, reason) => {
  const answer = await ask(asked);
  expect(answer.error).toMatch(reason);
  expect(answer.status).toBe(status);
});
