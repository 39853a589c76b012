import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { commandLine, processIds } from "../../src/linux/processes.js";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";
import type { Wanted } from "./fixtures/plugin.ts";

const TIMEOUT = 4; // seconds, which a busy machine may need for some MB
// Node runs TypeScript by itself since 22.18; before, a loader does. Vitest has no import.meta.resolve.
const loader = createRequire(import.meta.url)
  .resolve("@oxc-node/core")
  .replace(/index\.js$/, "register.mjs");

let orthanc: Orthanc;
let pid: number;

beforeAll(async () => {
  orthanc = await startOrthanc({
    script: path.join(import.meta.dirname, "bridge.py"),
    configuration: {
      Node: {
        Script: "fixtures/plugin.ts",
        Routes: ["/bridge/(.*)"],
        TimeoutSeconds: TIMEOUT,
        CallsAtOnce: 40,
      },
    },
    environment: {
      NODE_OPTIONS: `--import=${pathToFileURL(loader)}`,
      PYTHONPATH: "/nowhere",
    },
  });
  ({ pid } = await get<{ pid: number }>("echo"));
});
afterAll(() => orthanc?.kill());

async function get<Answer = Record<string, unknown>>(target: string): Promise<Answer> {
  const response = await orthanc.request(`/bridge/${target}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

function post(target: string, body: string | Uint8Array) {
  return orthanc.request(`/bridge/${target}`, { method: "POST", body, redirect: "manual" });
}

const answer = (wanted: Wanted) => post("answer", JSON.stringify(wanted));
// Releases of Orthanc since 1.12 add a second one to statuses other than 200.
const typeOf = (response: { headers: { get(name: string): string | null } }) =>
  response.headers.get("content-type")?.split(", ")[0];
const base64 = (text: string) => Buffer.from(text).toString("base64");
const authorization = () => `Basic ${btoa(`${orthanc.user}:${orthanc.password}`)}`;
const connections = async () => (await get<{ connections: number }>("connections")).connections;

/** Sends a request that is written by hand, and returns the whole answer as text. */
function raw(requestLine: string, headers: string[], body = ""): Promise<string> {
  const { hostname, port } = new URL(orthanc.url);
  const head = [`${requestLine} HTTP/1.1`, `Authorization: ${authorization()}`, ...headers];
  if (!headers.some((header) => /^connection:/i.test(header))) head.push("Connection: close");
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), hostname);
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on("data", (data) => {
      text += data;
      if (/"pid"|HTTP\/1.. [45]/.test(text)) socket.end();
    });
    socket.on("close", () => resolve(text)).on("error", reject);
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
  });
}

describe("Node gets", () => {
  it.each(["GET", "DELETE"])("a %s without a body", async (method) => {
    const response = await orthanc.request("/bridge/echo", { method });
    const { headers, ...rest } = (await response.json()) as Record<string, object>;
    expect(rest).toEqual({ method, url: "/bridge/echo", body: "", pid: expect.any(Number) });
    expect(headers).not.toHaveProperty("content-length");
  });

  it.each(["POST", "PUT"])("the binary body of a %s", async (method) => {
    for (const size of [0, 1, 16_000, 3_000_000]) {
      const body = randomBytes(size);
      const response = await orthanc.request("/bridge/echo", { method, body });
      const echo = (await response.json()) as { method: string; body: string };
      expect(echo.method).toBe(method);
      expect(Buffer.from(echo.body, "base64").equals(body)).toBe(true);
    }
  });

  it("a body that the caller sent in chunks, or after a 100 Continue", async () => {
    const chunked = await raw(
      "POST /bridge/echo",
      ["Host: h", "Transfer-Encoding: chunked"],
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    expect(chunked).toContain(base64("abcde"));
    const expected = await raw(
      "POST /bridge/echo",
      ["Host: h", "Content-Length: 3", "Expect: 100-continue"],
      "abc",
    );
    expect(expected).toContain(base64("abc"));
  });

  it("a path with spaces, umlauts and reserved characters", async () => {
    const target = "echo/a%20b%3Fc%23d%25/%C3%A9%0D%0A;x=1,2:@!$&'()*~";
    const { url } = await get(target);
    expect(decodeURIComponent(String(url))).toBe(decodeURIComponent(`/bridge/${target}`));
    expect(url).toMatch(/^[!-~]+$/);
  });

  it.each([
    ["a=1&b=2", { a: "1", b: "2" }],
    ["empty=&novalue", { empty: "", novalue: "" }],
    ["space=a%20b&plus=a+b&both=1%2B1", { space: "a b", plus: "a b", both: "1+1" }],
    ["umlaut=%C3%A9&%C3%A9=1", { umlaut: "é", é: "1" }],
    ["percent=100%25&escape=%2541", { percent: "100%", escape: "%41" }],
    ["equal=a=b&reserved=/:@!$'()*,;?~", { equal: "a=b", reserved: "/:@!$'()*,;?~" }],
    ["hash=%23&quote=%22&less=%3C", { hash: "#", quote: '"', less: "<" }],
    ["twice=1&twice=2", { twice: "2" }], // Orthanc drops the first.
  ])("the query string %s", async (query, expected) => {
    const { url } = await get(`echo?${query}`);
    const { searchParams } = new URL(String(url), "http://plugin");
    expect(Object.fromEntries(searchParams)).toEqual(expected);
  });

  it("no query string with other methods, for Orthanc keeps it", async () => {
    const response = await post("echo?a=1", "x");
    expect(await response.json()).toMatchObject({ url: "/bridge/echo" });
  });

  it("the headers, but those that end at Orthanc", async () => {
    const text = await raw("GET /bridge/echo", [
      "Host: pacs.example:8042",
      "Cookie: a=1; b=2",
      "X-Umlaut: \xc3\xa9",
      "X-Hop: 1",
      "Accept-Encoding: br",
      "Keep-Alive: timeout=9",
      "TE: trailers",
      "Connection: X-Hop",
    ]);
    const { headers } = JSON.parse(text.slice(text.indexOf("{"))) as { headers: object };
    expect(headers).toEqual({
      connection: "close", // the bridge's own
      host: "pacs.example:8042",
      authorization: expect.stringMatching(/^Basic /),
      cookie: "a=1; b=2",
      "x-umlaut": "\xc3\xa9", // as Node shows the two bytes
    });
  });

  it("a request without Host", async () => {
    const text = await raw("GET /bridge/echo", []);
    expect(text).toContain('"host":"orthanc"');
  });

  it.each([
    ["a carriage return", "X: a\rY: b"],
    ["another control character", "X: a\x01b"],
    ["a space in its name", "X y: a"],
    ["a name that isn't ASCII", "X\xe9: a"],
  ])("no header with %s: the caller gets 400, and Node nothing", async (_, header) => {
    const before = await connections();
    expect(await raw("GET /bridge/echo", ["Host: h", header])).toMatch(/^HTTP\/1.[01] 400 /);
    expect(await connections()).toBe(before + 1);
  });

  it("the address, the token and the socket in its environment only", async () => {
    const {
      environment,
      arguments: args,
      cwd,
    } = await get<{
      environment: Record<string, string>;
      arguments: string[];
      cwd: string;
    }>("environment");
    expect(environment.ORTHANC_URL).toBe(orthanc.url);
    const token = environment.ORTHANC_TOKEN ?? "";
    expect(token).toMatch(/^Bearer .{36}$/);
    expect(args).toHaveLength(2);
    expect(cwd).toBe(path.join(import.meta.dirname, "fixtures"));
    for (const name of ["PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH"]) {
      expect(environment).not.toHaveProperty(name);
    }

    const bare = token.replace("Bearer ", "");
    expect(await orthanc.log()).not.toContain(bare);
    for (const pid of processIds()) expect(commandLine(pid)).not.toContain(bare);

    const socket = environment.ORTHANC_PLUGIN_SOCKET ?? "";
    expect((await stat(socket)).mode & 0o7777).toBe(0o600);
    expect((await stat(path.dirname(socket))).mode & 0o7777).toBe(0o700);
  });

  it("answers from Orthanc's REST API with the token", async () => {
    expect(await get("orthanc")).toHaveProperty("Version");
  });
});

describe("Orthanc keeps from Node", () => {
  it.each([
    ["HEAD", 404],
    ["OPTIONS", 404],
    ["PATCH", 400],
  ])("%s, with status %i", async (method, status) => {
    const response = await orthanc.request("/bridge/echo", { method });
    expect(response.status).toBe(status);
  });

  it("the body of a DELETE", async () => {
    const response = await orthanc.request("/bridge/echo", { method: "DELETE", body: "x" });
    expect(await response.json()).toMatchObject({ method: "DELETE", body: "" });
  });

  it("all but one of equal headers", async () => {
    const text = await raw("GET /bridge/echo", ["Host: h", "X-Twice: 1", "X-Twice: 2"]);
    expect(text).toMatch(/"x-twice":"[12]"/);
  });

  it("that a slash was escaped", async () => {
    expect((await get("echo/a%2Fb")).url).toBe("/bridge/echo/a/b");
  });

  it("that parts are of one form: each is a separate POST, whose answer is dropped", async () => {
    const part = (name: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${name}\r\n`;
    const response = await orthanc.request("/bridge/collect", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=b" },
      body: `${part("first")}${part("second")}--b--\r\n`,
    });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    const { collected } = await get<{ collected: { body: string }[] }>("collected");
    expect(collected).toMatchObject([
      { body: "first", headers: { "content-disposition": 'form-data; name="first"' } },
      { body: "second", headers: { "content-disposition": 'form-data; name="second"' } },
    ]);
  });

  it("a path that is no UTF-8", async () => {
    expect((await orthanc.request("/bridge/echo/%FF")).status).toBe(500);
  });
});

describe("the caller gets", () => {
  it.each([200, 201, 202, 206, 207, 300, 302, 303, 307, 400, 401, 403, 404, 409, 410, 413, 418])(
    "status %i with headers and body, or what stands for it",
    async (status) => {
      const response = await answer({
        status,
        headers: [
          ["content-type", "text/plain; charset=utf-8"],
          ["location", "/elsewhere"],
          ["x-custom", "1"],
        ],
        parts: [base64("grüezi")],
      });
      expect(response.status).toBe(status === 418 ? 400 : status);
      expect(typeOf(response)).toBe("text/plain; charset=utf-8");
      expect(response.headers.get("location")).toBe("/elsewhere");
      expect(response.headers.get("x-custom")).toBe("1");
      expect(await response.text()).toBe("grüezi");
    },
  );

  it.each([
    [299, 200],
    [301, 302],
    [308, 307],
    [429, 400],
    [451, 400],
    [499, 400],
    [511, 500],
    [599, 500],
  ])("for status %i, which Orthanc can't send, status %i", async (status, instead) => {
    const response = await answer({ status, parts: [base64("why")] });
    expect(response.status).toBe(instead);
    expect(await response.text()).toBe("why");
    expect(await orthanc.log()).toContain(`can't send status ${status}`);
  });

  it.each([422, 424, 426, 500, 501, 503, 505, 507, 510])("status %i", async (status) => {
    expect((await answer({ status })).status).toBe(status);
  });

  it("status 405 with its Allow header", async () => {
    const response = await answer({ status: 405, headers: [["Allow", "GET, PUT"]] });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, PUT");
  });

  it.each([204, 304])("status %i without a body", async (status) => {
    const response = await answer({ status, headers: [["etag", '"1"']] });
    expect(response.status).toBe(status);
    expect(response.headers.get("etag")).toBe('"1"');
    expect(await response.text()).toBe("");
  });

  it("every Set-Cookie header", async () => {
    for (const status of [200, 404]) {
      const response = await answer({
        status,
        headers: [
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
        ],
      });
      expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    }
  });

  it("one Content-Type", async () => {
    const text = await raw("GET /bridge/echo", ["Host: h"]);
    expect(text.match(/^content-type:/gim)).toHaveLength(1);
  });

  it("binary bodies of a megabyte, with a length and in chunks", async () => {
    const body = randomBytes(1_000_000);
    const type: [string, string] = ["content-type", "application/dicom"];
    const length: [string, string] = ["content-length", String(body.length)];
    const half = [body.subarray(0, 300_000), body.subarray(300_000)];
    for (const wanted of [
      { status: 200, headers: [type, length], parts: [body.toString("base64")] },
      { status: 200, headers: [type], parts: half.map((part) => part.toString("base64")) },
    ]) {
      const response = await answer(wanted);
      expect(typeOf(response)).toBe("application/dicom");
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    }
  });

  it("a body in many small chunks", async () => {
    const parts = Array.from({ length: 5_000 }, (_, number) => base64(`${number},`));
    const text = await (await answer({ status: 200, parts })).text();
    expect(text.split(",")).toHaveLength(5_001);
  });

  it("an empty body", async () => {
    const response = await answer({ status: 200, headers: [["content-type", "text/csv"]] });
    expect(typeOf(response)).toBe("text/csv");
    expect(await response.text()).toBe("");
  });

  it("headers beyond ASCII as UTF-8", async () => {
    const response = await answer({ status: 200, headers: [["x-umlaut", "é"]] });
    expect(Buffer.from(response.headers.get("x-umlaut") ?? "", "latin1").toString()).toBe("é");
  });

  it.each([3_000_000, 20_000_000])(
    "a body of %i bytes that Node sends back at once",
    async (size) => {
      const body = randomBytes(size);
      for (const way of ["length", "chunks"]) {
        const response = await post(`pipe/${way}`, body);
        expect(response.status).toBe(200);
        expect(Buffer.from(await response.arrayBuffer()).equals(body), way).toBe(true);
      }
    },
  );

  it("an answer that Orthanc compressed", async () => {
    const parts = [base64("long ".repeat(1000))];
    const response = await orthanc.request("/bridge/answer", {
      method: "POST",
      body: JSON.stringify({ status: 200, headers: [["content-type", "text/plain"]], parts }),
      headers: { "accept-encoding": "gzip" },
    });
    expect(await response.text()).toBe("long ".repeat(1000));
  });
});

describe("answers in their raw form", () => {
  it.each([
    [
      "after interim answers",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 199 x\r\n\r\n${http("", "body")}`,
    ],
    ["with Connection: close", http("connection: close\r\n", "body")],
    ["with headers for one hop", http("connection: X-Hop, close\r\nx-hop: 1\r\n", "body")],
    ["without a reason", "HTTP/1.1 200\r\ncontent-length: 4\r\n\r\nbody"],
    ["with equal lengths", http("content-length: 4\r\n", "body")],
    [
      "in chunks with extensions and trailers",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;x=1\r\nbo\r\n02\r\ndy\r\n0\r\nx-t: 1\r\n\r\n",
    ],
  ])("%s", async (_, text) => {
    const response = await post("raw/close", text);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("body");
    expect(response.headers.get("x-hop")).toBeNull();
    expect(response.headers.get("link")).toBeNull();
  });

  it.each([400, 408, 431, 500])("an error %i up to the end of the connection", async (status) => {
    const response = await post("raw/close", `HTTP/1.1 ${status} Because\r\n\r\nbody`);
    expect(response.status).toBe(status === 431 ? 400 : status);
    expect(await response.text()).toBe("body");
  });

  it("Node's own 431, for headers that are too long", async () => {
    const response = await orthanc.request("/bridge/echo", {
      headers: { "x-long": "x".repeat(17_000) },
    });
    expect(response.status).toBe(400);
    expect(await orthanc.log()).toContain("can't send status 431");
  });

  it.each([
    ["nothing", ""],
    ["no end but that of the connection", "HTTP/1.1 200 OK\r\n\r\nbody"],
    ["no HTTP", "SSH-2.0-x\r\n\r\n"],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nbody"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n"],
    ["a status below 100", "HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n"],
    ["a status above 599", "HTTP/1.1 600 OK\r\ncontent-length: 0\r\n\r\n"],
    ["a status in other digits", "HTTP/1.1 ２00 OK\r\ncontent-length: 0\r\n\r\n"],
    ["only interim answers", "HTTP/1.1 102 Processing\r\n\r\n".repeat(100)],
    ["an interim answer with a body", "HTTP/1.1 102 Processing\r\ncontent-length: 4\r\n\r\nbody"],
    ["a folded header", "HTTP/1.1 200 OK\r\na: 1\r\n b\r\ncontent-length: 0\r\n\r\n"],
    ["lines that end with a line feed only", "HTTP/1.1 200 OK\ncontent-length: 0\n\n"],
    ["a line feed in a header", "HTTP/1.1 200 OK\r\na: 1\nb: 2\r\ncontent-length: 0\r\n\r\n"],
    ["a carriage return in a header", "HTTP/1.1 200 OK\r\na: 1\rb\r\ncontent-length: 0\r\n\r\n"],
    ["a control character in a header", "HTTP/1.1 200 OK\r\na: \x01\r\ncontent-length: 0\r\n\r\n"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n"],
    ["a NUL in a header", "HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 0\r\n\r\n"],
    ["a head without an end", `HTTP/1.1 200 OK\r\na: ${"a".repeat(200_000)}`],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-"],
    ["half a body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbody"],
    ["half a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbody"],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n"],
    ["a chunk that is too long", chunked("3\r\nbody\r\n0\r\n\r\n")],
    ["two lengths", http("content-length: 5\r\n", "body")],
    ["two lengths in one", "HTTP/1.1 200 OK\r\ncontent-length: 4, 4\r\n\r\nbody"],
    ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["a length with a sign", "HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nbody"],
    ["a length in other digits", "HTTP/1.1 200 OK\r\ncontent-length: ４\r\n\r\nbody"],
    ["chunks twice", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"],
    [
      "chunks in two headers",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["chunks without an end", chunked("4\r\nbody\r\n0\r\n")],
    ["a chunk size with a sign", chunked("+4\r\nbody\r\n0\r\n\r\n")],
    ["a chunk size that ends with a line feed only", chunked("4\nbody\r\n0\r\n\r\n")],
    ["a length and chunks", http("transfer-encoding: chunked\r\n", "0\r\n\r\n")],
    ["an unknown coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"],
    ["101 as if it were an answer", "HTTP/1.1 101 x\r\ncontent-length: 4\r\n\r\nbody"],
    ["150 as if it were an answer", "HTTP/1.1 150 x\r\ncontent-length: 4\r\n\r\nbody"],
    ["an upgrade", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
  ])("%s: 502", async (_, text) => {
    const response = await post("raw/close", text);
    expect(response.status).toBe(502);
    expect(typeOf(response)).toBe("application/json");
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect(response.headers.get("a")).toBeNull();
  });

  it.each([100, 101, 102, 150, 199])("the final status %i: 502", async (status) => {
    expect((await orthanc.request(`/bridge/status/${status}`)).status).toBe(502);
  });

  it("for a path with line feeds: it forges no line of the log", async () => {
    const target = "/bridge/status/150/x%0Aforged%0D%0Aforged";
    expect((await orthanc.request(target)).status).toBe(502);
    const log = await orthanc.log();
    expect(log).toContain(`502 for ${target}`);
    expect(log).not.toMatch(/^forged/m);
  });

  it.each([204, 304])("a body with status %i: Orthanc's next answer is right", async (status) => {
    const wrong = `HTTP/1.1 ${status} x\r\ncontent-length: 4\r\n\r\nbody`;
    const both = await raw(
      "POST /bridge/raw/close",
      ["Host: h", `Content-Length: ${wrong.length}`, "Connection: keep-alive"],
      `${wrong}GET /bridge/echo HTTP/1.1\r\nAuthorization: ${authorization()}\r\n\r\n`,
    );
    const [, first, second] = both.split(/^HTTP\/1.1 /m);
    expect(first).toMatch(new RegExp(`^${status} .*\r\n\r\n$`, "s"));
    expect(second).toMatch(/^200 .*"pid"/s);
  });

  it.each(["\0", "\xff"])("binary data with status 404: whole, or 502", async (data) => {
    const body = Buffer.from(data, "latin1");
    const response = await answer({ status: 404, parts: [body.toString("base64")] });
    if (response.status === 404) {
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    } else {
      expect(response.status).toBe(502); // plugin 4.x
      expect(await response.json()).toEqual({ error: expect.stringContaining("binary body") });
    }
  });

  it("more than was announced: not mixed into the next answer", async () => {
    const first = await post("raw/keep", `${http("", "body")}HTTP/1.1 200 OK\r\n\r\nother`);
    expect(await first.text()).toBe("body");
    for (let round = 0; round < 5; round++) expect(await get("echo")).toHaveProperty("pid");
  });

  it("more than was announced, at any later time: not mixed into any other answer", async () => {
    for (const pause of [0, 20, 60, 150]) {
      const late = await orthanc.request("/bridge/late");
      expect((await late.arrayBuffer()).byteLength).toBe(100_000);
      await sleep(pause);
      // Some are asked before the rest comes, and answer after it.
      const others = ["echo", "wait/150", "echo", "wait/400", "echo"];
      const answers = await Promise.all(others.map((other) => get(other)));
      for (const [index, answer] of answers.entries()) {
        expect(answer).toEqual(others[index] === "echo" ? expect.objectContaining({ pid }) : {});
      }
    }
  });

  it.each(["early", "refuse"])("before the body was sent: passed on (%s)", async (action) => {
    for (const size of [100, 300_000, 5_000_000]) {
      const response = await post(action, randomBytes(size));
      expect(response.status).toBe(413);
      expect(await response.text()).toBe("much");
    }
  });

  function http(headers: string, body: string) {
    return `HTTP/1.1 200 OK\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;
  }

  function chunked(body: string) {
    return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`;
  }
});

describe("connections to Node", () => {
  it("serve one request each, and are closed with it", async () => {
    const before = await connections();
    for (let round = 0; round < 50; round++) await get("echo");
    expect(await connections()).toBe(before + 51);
    expect((await get("open")).open).toBe(1);
  });

  it("carry requests in parallel", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get("together/20")));
    expect(answers).toEqual(Array(20).fill({ together: 20 }));
  });

  it("are not closed while the handler comes to its end", async () => {
    const response = await orthanc.request("/bridge/ends-late");
    expect(await response.text()).toBe("whole");
    await vi.waitFor(async () => {
      expect(await get("ends")).toEqual({ ends: ["finished"] });
    });
  });

  it("that find Node's queue full wait for no longer than others", async () => {
    process.kill(pid, "SIGSTOP");
    try {
      const all = Array.from({ length: 30 }, () => orthanc.request("/bridge/echo"));
      const statuses = (await Promise.all(all)).map((response) => response.status);
      expect(statuses).toEqual(Array(30).fill(504));
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await get("echo");
  });
});

describe("time runs out", () => {
  it("for an answer that does not come: 504", async () => {
    const start = performance.now();
    const response = await orthanc.request("/bridge/wait/10000");
    expect(response.status).toBe(504);
    expect(await response.json()).toEqual({
      error: `Node did not answer within ${TIMEOUT} seconds`,
    });
    expect(performance.now() - start).toBeLessThan(TIMEOUT * 1000 + 500);
  });

  it("for the whole exchange, not for each part of it", async () => {
    const start = performance.now();
    const response = await orthanc.request("/bridge/drip");
    expect(response.status).toBe(504);
    expect(performance.now() - start).toBeLessThan(TIMEOUT * 1000 + 500);
  });

  it("for a body that Node does not read", async () => {
    await get("echo");
    const blocked = orthanc.request(`/bridge/block/${TIMEOUT * 1000 + 1500}`);
    await sleep(100);
    const start = performance.now();
    const response = await post("echo", randomBytes(5_000_000));
    expect(response.status).toBe(504);
    expect(performance.now() - start).toBeLessThan(TIMEOUT * 1000 + 700);
    expect((await blocked).status).toBe(504);
    await sleep(1500);
    expect((await get("echo")).pid).toBeTypeOf("number");
  });
});

describe("Node dies", () => {
  const died = /closed the connection|accepts no connection|is not running/;
  const upAgain = async (old: unknown) => {
    await vi.waitFor(async () => expect((await get("echo")).pid).not.toBe(old), 20_000);
  };

  it("amid a request: 502, and a new start", async () => {
    for (const action of ["die", "die-amid"]) {
      const { pid } = await get("echo");
      const response = await orthanc.request(`/bridge/${action}`);
      expect(response.status).toBe(502);
      expect(typeOf(response)).toBe("application/json");
      expect(await response.json()).toEqual({ error: expect.stringMatching(died) });
      const next = await orthanc.request("/bridge/echo");
      expect(next.status).toBe(502);
      expect(await next.json()).toEqual({ error: expect.stringMatching(died) });
      await upAgain(pid);
    }
    expect(await orthanc.log()).toMatch(/Node has ended \(exit code 3\), next start in [\d.]+ sec/);
  });

  it("of SIGKILL: a new start, with pauses that grow", async () => {
    const { pid } = await get("echo");
    process.kill(Number(pid), "SIGKILL");
    await upAgain(pid);
    const log = await orthanc.log();
    expect(log).toContain("Node has ended (signal SIGKILL)");
    const pauses = [...log.matchAll(/next start in ([\d.]+) seconds/g)].map((m) => Number(m[1]));
    expect(pauses).toEqual([0.25, 0.5, 1]);
  });

  it("of a signal without a name: a new start as well", async () => {
    const { pid } = await get("echo");
    process.kill(Number(pid), 40);
    await upAgain(pid);
    expect(await orthanc.log()).toContain("Node has ended (signal 40)");
  });

  it("in no other way: it stops listening, and lives", async () => {
    await get("stop-listening");
    const all = Array.from({ length: 10 }, () => orthanc.request("/bridge/wait/500"));
    const refused = (await Promise.all(all)).find((response) => response.status === 502);
    expect(await refused?.json()).toEqual({
      error: expect.stringContaining("accepts no connection"),
    });
  });
});
