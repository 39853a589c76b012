import { afterAll, beforeAll, expect, test } from "vitest";
import { SECRET_HEADER } from "../protocol/live.ts";
import { ask, type PlainRequest, pageHeaders, serveApp } from "../testing/serveApp.ts";
import { createApi } from "./api.ts";

const SECRET = "the secret of this test";
const RUN = JSON.stringify({ scenario: "rest-token", programs: ["python"] });

let server: Awaited<ReturnType<typeof serveApp>>;

beforeAll(async () => {
  server = await serveApp(createApi(SECRET));
});

afterAll(() => server.close());

/** In the place of what a page of ours would ask. */
type Otherwise = Partial<PlainRequest>;

test.each<[string, Otherwise, number, RegExp]>([
  ["a foreign host name", { headers: { host: "evil.example" } }, 403, /host name must be 127/],
  ["another port", { headers: { host: "127.0.0.1:1" } }, 403, /host name must be 127/],
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
  ["an unknown member", { body: '{"scenario":"a","programs":["python"],"x":1}' }, 400, /"x"/],
  ["too many calls", { body: '{"scenario":"a","programs":["python"],"calls":9}' }, 400, /calls: /],
  ["no program", { body: '{"scenario":"a","programs":[]}' }, 400, /programs: /],
  [
    "an unknown program",
    { body: '{"scenario":"errors","programs":["cobol"]}' },
    404,
    /no program "cobol"/,
  ],
  [
    "a program twice",
    { body: '{"scenario":"a","programs":["python","python"]}' },
    400,
    /a program twice/,
  ],
  [
    "a file elsewhere",
    { body: '{"scenario":"a","programs":["python"],"edited":{"../bridge.py":""}}' },
    400,
    /edited/,
  ],
  [
    "an unknown example",
    { body: '{"scenario":"no","programs":["python"]}' },
    404,
    /examples are: /,
  ],
  [
    "an example elsewhere",
    { body: '{"scenario":"../src","programs":["python"]}' },
    404,
    /no example/,
  ],
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
])("%s is refused with a reason", async (_, otherwise, status, reason) => {
  const { host } = server;
  const page = { method: "POST", path: "/live/runs", body: RUN };
  const headers = { ...pageHeaders(host, SECRET), ...otherwise.headers };
  const answer = await ask(host, { ...page, ...otherwise, headers });
  expect(JSON.parse(answer.text).error).toMatch(reason);
  expect(answer.status).toBe(status);
});
