/**
 * The bridge with requests and answers of any form, and under load while Node dies. Whatever happens, each call ends, and
 * with nothing of another one.
 */
import { randomBytes } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { findNode } from "../../src/node/node.ts";
import type { Release } from "../../src/orthanc/installation.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";
import { reportProgress, scaled } from "../../src/testing/soak.ts";
import type { Piece, Plan } from "./fixtures/hostile.ts";

const RELEASES = scaled<Release[]>(["bookworm"], ["bookworm", "trixie"]);

let orthanc: Orthanc;
afterEach(() => orthanc?.kill());

async function start(release: Release, script: string, Script: string, TimeoutSeconds: number) {
  orthanc = await startOrthanc({
    release,
    script: path.join(import.meta.dirname, script),
    configuration: { Node: { Script, Routes: ["/bridge/(.*)"], TimeoutSeconds } },
    environment: (await findNode()).environment,
  });
}

interface Reply {
  status: number;
  /** Of the body, as latin1. */
  text: string;
  headers: string;
  /** Everything that was announced has come. */
  whole: boolean;
}

/** Sends a request verbatim, over connections that are kept. */
function call(
  agent: Agent,
  method: string,
  target: string,
  headers: [string, string][],
  body?: Uint8Array,
): Promise<Reply> {
  const { hostname, port } = new URL(orthanc.url);
  const authorization = `Basic ${btoa(`${orthanc.user}:${orthanc.password}`)}`;
  const all: [string, string][] = [
    ["Host", "orthanc"],
    ["Authorization", authorization],
    ...headers,
  ];
  if (body) all.push(["Content-Length", String(body.length)]);
  const attempt = () =>
    new Promise<Reply>((resolve, reject) => {
      const options = { agent, hostname, port, method, path: target, headers: all.flat() };
      const request = httpRequest(options, async (response) => {
        let text = "";
        try {
          for await (const data of response) text += data.toString("latin1");
        } catch {
          // It was cut: "complete" is false.
        }
        const { statusCode = 0, rawHeaders, complete } = response;
        resolve({ status: statusCode, text, headers: rawHeaders.join("\n"), whole: complete });
      });
      request.on("error", (error: NodeJS.ErrnoException) => {
        // Orthanc has closed the connection just as it was used again.
        const again = request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(error.code ?? "");
        if (again) attempt().then(resolve, reject);
        else reject(error);
      });
      request.end(body);
    });
  return attempt();
}

describe.each(RELEASES)("on %s", (release) => {
  test("Node gets of each request what a Python callback gets", async () => {
    await start(release, "fixtures/both.py", "fixtures/echo.ts", 30);
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    // Waits until Node listens.
    expect((await call(agent, "GET", "/bridge/x", [])).status).toBe(200);
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(requests, async ({ method, target, query, headers, body }) => {
        const ask = (to: string) => call(agent, method, `/${to}/x${target}${query}`, headers, body);
        const [python, node] = await Promise.all([ask("python"), ask("bridge")]);
        expect(node.status).toBe(python.status);
        if (++cases % 1000 === 0) reportProgress(`${release}: ${cases} requests, all alike`);
        // Dots may lead out of the routes: such a request does not count as a run.
        fc.pre(python.text.includes('"uri"'));
        expect(seenByNode(parse(node))).toEqual(seenByPython(parse(python)));
      }),
      { numRuns: scaled(60, 6_000), endOnFailure: true },
    );
    agent.destroy();
  });

  test("whatever Node answers, each call ends, and with its own answer", async () => {
    await start(release, "bridge.py", "fixtures/hostile.ts", 1);
    const streams = release !== "bookworm";
    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    await play(agent, { kind: "whole", answer: simple, plan: planOf(simple), body: 0 }, false);
    let cases = 0;
    let longest = 0; // milliseconds, of a whole batch
    const counts: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(fc.array(exchanges, { minLength: 6, maxLength: 24 }), async (batch) => {
        const started = performance.now();
        await Promise.all(batch.map((exchange) => play(agent, exchange, streams)));
        longest = Math.max(longest, performance.now() - started);
        for (const { kind } of batch) counts[kind] = (counts[kind] ?? 0) + 1;
        cases += batch.length;
        if (Math.floor(cases / 1000) > Math.floor((cases - batch.length) / 1000)) {
          reportProgress(`${release}: ${cases} exchanges, ${JSON.stringify(counts)}`);
        }
      }),
      {
        numRuns: scaled(6, 1_000),
        endOnFailure: true,
        // One of each kind, which chance may leave out.
        examples: fc.sample(
          kinds.map((batch): [Exchange[]] => [batch]),
          1,
        ),
      },
    );
    reportProgress(`${release}: the longest batch took ${Math.round(longest)} ms`);
    expect(Object.keys(counts).sort()).toEqual(["cut", "garbage", "stalled", "whole"]);
    // Of a second that Node has, and what a busy machine takes.
    expect(longest).toBeLessThan(scaled(20_000, 5_000));
    agent.destroy();
  });
});

// ---- Requests

const parse = ({ text }: Reply) => JSON.parse(Buffer.from(text, "latin1").toString());

const token = fc.stringMatching(/^[a-z][a-z0-9!#$&'*+.^_`|~-]{0,12}$/).map((name) => `x-${name}`);
// What a client may send: UTF-8, and now and then bytes that are not.
const utf8 = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) =>
  Buffer.from(text.replace(/\p{Cc}/gu, ""))
    .toString("latin1")
    .trim(),
);
const headerValue = fc.oneof(
  utf8,
  fc.stringMatching(/^[!-~]([ -~\t]{0,30}[!-~])?$/),
  fc.constantFrom("", "\xe9", "\xff\xfe", "close", "chunked", "0", "a\tb"),
);
const headers = fc
  .array(
    fc.oneof(
      fc.tuple(token, headerValue),
      fc.tuple(
        fc.constantFrom("Accept", "Cookie", "Content-Type", "User-Agent", "X-Forwarded-For"),
        fc.stringMatching(/^[!-~]{1,20}$/),
      ),
      fc.tuple(
        fc.constantFrom("TE", "Keep-Alive", "Proxy-Connection", "Accept-Encoding"),
        fc.constantFrom("a", "trailers", "br"),
      ),
      fc.tuple(
        fc.constant("Connection"),
        fc.array(token, { maxLength: 2 }).map((names) => ["keep-alive", ...names].join(", ")),
      ),
    ),
    { maxLength: 8 },
  )
  .map((list) => [...new Map(list.map((header) => [header[0].toLowerCase(), header])).values()]);
const escapedByte = fc
  .integer({ min: 0, max: 255 })
  .map((byte) => `%${byte.toString(16).padStart(2, "0")}`);
const pathPart = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9._~!$&'()*+,;=:@-]{1,10}$/),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).map(encodeURIComponent),
  escapedByte,
  fc.constantFrom("%2F", "%2f", "%2E%2e", ".", "..", "%00", "%0d%0a", "%3F", "%23", "%25", "", " "),
);
const target = fc
  .array(fc.oneof(pathPart, fc.constant("/")), { maxLength: 8 })
  .map((parts) => `/${parts.join("").replaceAll(" ", "%20")}`);
const queryPart = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9._~!$'()*,;:@/?+-]{0,8}$/),
  fc.string({ unit: "grapheme", maxLength: 6 }).map(encodeURIComponent),
  fc.constantFrom("%", "%zz", "%26", "%3D", "%2B", "+", "%00", "%E9"),
);
const query = fc
  .array(
    fc.oneof(
      fc.tuple(queryPart, queryPart).map((pair) => pair.join("=")),
      queryPart,
    ),
    { maxLength: 5 },
  )
  .map((pairs) => (pairs.length > 0 ? `?${pairs.join("&")}` : ""));
const body = fc.oneof(
  { weight: 10, arbitrary: fc.uint8Array({ maxLength: 500 }) },
  { weight: 1, arbitrary: fc.nat(400_000).map((size) => randomBytes(size)) },
);
const requests = fc.oneof(
  fc.record({
    method: fc.constantFrom("GET", "DELETE"),
    target,
    query,
    headers,
    body: fc.constant(undefined),
  }),
  fc.record({ method: fc.constantFrom("POST", "PUT"), target, query, headers, body }),
);

interface Seen {
  method: string;
  path: string;
  query: [string, string][];
  headers: Record<string, string>;
  body: string;
}

/** What ends at Orthanc, or is the bridge's own. */
const NOT_COMPARED =
  /^(host|connection|content-length|accept-encoding|keep-alive|proxy-connection|te|trailer)$/;

function seenByNode(echo: {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}): Seen {
  const [route = "", query = ""] = echo.url.split(/\?(.*)/s);
  return {
    method: echo.method,
    path: decodeURIComponent(route).replace("/bridge/", ""),
    query: [...new URLSearchParams(query)].sort(),
    headers: Object.fromEntries(
      Object.entries(echo.headers)
        .filter(([name]) => !NOT_COMPARED.test(name))
        .map(([name, value]) => [name, Buffer.from(value, "latin1").toString()]),
    ),
    body: echo.body,
  };
}

function seenByPython(call: {
  method: string;
  uri: string;
  get?: Record<string, string>;
  headers: Record<string, string>;
  body: string;
}): Seen {
  const named = (call.headers.connection ?? "").split(",").map((name) => name.trim());
  // Before release 1.12.11, Orthanc passes on names and values as they were sent.
  const pairs = Object.entries(call.get ?? {}).map((pair) => pair.join("="));
  return {
    method: call.method,
    path: call.uri.replace("/python/", ""),
    query: [...new URLSearchParams(pairs.join("&"))].sort(),
    headers: Object.fromEntries(
      Object.entries(call.headers).filter(
        ([name]) => !NOT_COMPARED.test(name) && !named.includes(name),
      ),
    ),
    body: call.body,
  };
}

// ---- Answers

/** An answer that is right, before anything is done to it. */
interface Answer {
  status: number;
  chunked: boolean;
  size: number;
  interim: string;
}

interface Exchange {
  /** What the client must see: the whole answer, that it was cut, 502, or 504. */
  kind: "whole" | "cut" | "garbage" | "stalled";
  answer: Answer;
  /** Made for a nonce, which stands in all that is sent. */
  plan: (nonce: string) => Plan;
  /** The size of the request's body. */
  body: number;
}

const simple: Answer = { status: 200, chunked: false, size: 10, interim: "" };
const answers: fc.Arbitrary<Answer> = fc.record({
  status: fc.constantFrom(200, 200, 200, 201, 404, 500),
  chunked: fc.boolean(),
  size: fc.oneof(
    { weight: 20, arbitrary: fc.nat(3_000) },
    { weight: 1, arbitrary: fc.integer({ min: 100_000, max: 1_500_000 }) },
  ),
  interim: fc.constantFrom(
    "",
    "",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early\r\nlink: NONCE\r\n\r\n",
  ),
});

/** A body of so many bytes that says whose it is, all over. */
const bodyOf = ({ size }: Answer, nonce: string) =>
  `<${nonce}>`.repeat(Math.ceil(size / 18)).slice(0, size);

function textOf(answer: Answer, nonce: string): string {
  const body = bodyOf(answer, nonce);
  const head = `${answer.interim.replace("NONCE", nonce)}HTTP/1.1 ${answer.status} x\r\nx-nonce: ${nonce}\r\n`;
  if (!answer.chunked) return `${head}content-length: ${body.length}\r\n\r\n${body}`;
  const half = body.length >> 1;
  const chunks = [body.slice(0, half), body.slice(half)].filter((chunk) => chunk !== "");
  const lines = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${head}transfer-encoding: chunked\r\n\r\n${lines.join("")}0\r\n\r\n`;
}

const MALFORMED = [
  "",
  "\r\n",
  "HTTP/1.1 101 x\r\nx-nonce: NONCE\r\ncontent-length: 4\r\n\r\nbody",
  "HTTP/1.1 200 x\r\nx-nonce: NONCE\r\n\r\nNONCE",
  "HTTP/1.0 200 x\r\ncontent-length: 4\r\n\r\nbody",
  "HTTP/1.1 200 x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nNONCE",
  "HTTP/1.1 200 x\r\ncontent-length: 18\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nNONCE",
  "HTTP/1.1 200 x\r\ncontent-length: 5\nx: NONCE\r\n\r\nNONCE",
  "HTTP/1.1 200 x\r\nx-a: NONCE\r\n folded\r\ncontent-length: 4\r\n\r\nbody",
  "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n-1\r\nNONCE",
  "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nNONCE\r\n0\r\n\r\n",
  "HTTP/1.1 200 x\r\ncontent-length: 99999999999999999999\r\n\r\nNONCE",
  "HTTP/1.1 999 x\r\ncontent-length: 5\r\n\r\nNONCE",
];

/** Cuts a text at such places into pieces, with such pauses before them. */
function piecesOf(text: string, cuts: number[], pauses: number[]): Piece[] {
  const at = [...cuts.map((cut) => Math.floor(cut * text.length)), text.length].sort(
    (a, b) => a - b,
  );
  return at.map((end, index) => ({
    after: pauses[index] ?? 0,
    text: text.slice(at[index - 1] ?? 0, end),
  }));
}

const planOf = (answer: Answer) => (nonce: string) => ({
  reads: true,
  pieces: [{ after: 0, text: textOf(answer, nonce) }],
  end: "keep" as const,
  late: [],
});

const how = fc.record({
  reads: fc.boolean(),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
  pauses: fc.array(fc.nat(15), { minLength: 1, maxLength: 6 }),
  end: fc.constantFrom<Plan["end"]>("keep", "end", "destroy"),
  // Another answer behind the first, at once or later.
  more: fc.option(fc.array(fc.nat(60), { minLength: 1, maxLength: 4 })),
});
const requestBody = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.nat(2_000) },
  { weight: 1, arbitrary: fc.integer({ min: 200_000, max: 1_000_000 }) },
);
const poison = (nonce: string) => textOf({ ...simple, size: 36 }, nonce);

const whole = fc.record({ answer: answers, how, body: requestBody }).map(
  ({ answer, how, body }): Exchange => ({
    kind: "whole",
    answer,
    body,
    plan: (nonce) => ({
      reads: how.reads,
      pieces: piecesOf(textOf(answer, nonce), how.cuts, how.pauses),
      end: how.end,
      late: (how.more ?? []).map((after) => ({ after, text: poison(nonce) })),
    }),
  }),
);
const unfinished = fc.record({
  answer: answers,
  how,
  body: requestBody,
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});
const [cut, stalled] = [false, true].map((stalls) =>
  unfinished.map(
    ({ answer, how, body, at }): Exchange => ({
      kind: stalls ? "stalled" : "cut",
      answer,
      body,
      plan: (nonce) => {
        const text = textOf(answer, nonce);
        return {
          reads: how.reads,
          pieces: piecesOf(text.slice(0, Math.floor(at * text.length)), how.cuts, how.pauses),
          end: stalls ? "keep" : how.end === "keep" ? "destroy" : how.end,
          late: [],
        };
      },
    }),
  ),
) as [fc.Arbitrary<Exchange>, fc.Arbitrary<Exchange>];
const garbage = fc
  .record({
    how,
    body: requestBody,
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc.constantFrom(...MALFORMED),
    ),
  })
  .map(
    ({ how, body, bytes }): Exchange => ({
      kind: "garbage",
      answer: simple,
      body,
      plan: (nonce) => ({
        reads: how.reads,
        pieces: piecesOf(bytes.replaceAll("NONCE", nonce), how.cuts, how.pauses),
        end: how.end === "keep" ? "destroy" : how.end,
        late: [],
      }),
    }),
  );
const kinds = fc.tuple(whole, cut, stalled, garbage);
const exchanges = fc.oneof(
  { weight: 60, arbitrary: whole },
  { weight: 27, arbitrary: cut },
  { weight: 3, arbitrary: stalled },
  { weight: 20, arbitrary: garbage },
);

/** Plays one exchange, and holds it against what the client may see. */
async function play(agent: Agent, { kind, answer, plan, body }: Exchange, streams: boolean) {
  const nonce = randomBytes(8).toString("hex");
  const text = deflateRawSync(JSON.stringify(plan(nonce)));
  const method = body > 0 ? "POST" : "GET";
  const reply = await call(
    agent,
    method,
    `/bridge/${nonce}`,
    [["X-Plan", text.toString("base64")]],
    body > 0 ? Buffer.alloc(body, "b") : undefined,
  );
  const names = [...`${reply.headers}\n${reply.text}`.matchAll(/[0-9a-f]{16}/g)].map(
    ([name]) => name,
  );
  expect(new Set([...names, nonce])).toEqual(new Set([nonce]));
  const streamed = streams && answer.status === 200 && !answer.chunked && answer.size > 1_048_576;
  if (kind === "whole") {
    expect(reply).toMatchObject({ status: answer.status, whole: true });
    expect(reply.text === bodyOf(answer, nonce)).toBe(true);
  } else if (streamed && reply.status === 200) {
    expect(reply.whole).toBe(false);
  } else {
    expect(reply).toMatchObject({ status: kind === "stalled" ? 504 : 502, whole: true });
  }
}
