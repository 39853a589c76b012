import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { OUTPUT_LIMIT, readBody, toAnswer } from "./answer.ts";
import { redact } from "./redact.ts";

const TOKEN = "7a9d5a3e-3c25-4b52-9e9c-0f0d6f1c2b3a";

describe("of an answer", () => {
  test("headers about the connection and the moment are not noted", () => {
    const headers: [string, string][] = [
      ["Date", "Wed, 25 Nov 2026 00:59:30 GMT"],
      ["Connection", "keep-alive"],
      ["Content-Length", "2"],
      ["Content-Type", "text/plain; charset=utf-8"],
    ];
    expect(toAnswer(200, headers, "ok", [])).toEqual({
      status: 200,
      contentType: "text/plain",
      body: "ok",
    });
  });

  test("the others are, in lower case, sorted, and all values of one name", () => {
    const headers: [string, string][] = [
      ["X-B", "1"],
      ["Allow", "GET"],
      ["x-b", "2"],
      ["Content-Type", "application/json"],
      ["content-type", "text/plain"],
    ];
    const answer = toAnswer(405, headers, "", []);
    expect(Object.entries(answer.headers ?? {})).toEqual([
      ["allow", "GET"],
      ["x-b", "1, 2"],
    ]);
    expect(answer.contentType).toBe("application/json, text/plain");
  });

  test.each<[string, [string, string][], string]>([
    ["a token's header", [], `The header: Bearer ${TOKEN}`],
    ["a known token alone", [], JSON.stringify({ token: TOKEN })],
    ["a known token in a header", [["x-token", TOKEN]], "ok"],
  ])("%s is taken out, and noted", (_, headers, body) => {
    const answer = toAnswer(200, headers, body, [TOKEN]);
    expect(answer.secret).toBe(true);
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
  });

  test("a body beyond the limit is refused", async () => {
    const bytes = (size: number) => Readable.from([Buffer.alloc(size, "x")]);
    expect(await readBody(bytes(OUTPUT_LIMIT))).toHaveLength(OUTPUT_LIMIT);
    await expect(readBody(bytes(OUTPUT_LIMIT + 1))).rejects.toThrow("more than 1,000,000 bytes");
  });
});

test.each([
  ["a token unknown to us", `Bearer ${TOKEN}`, "(a secret)"],
  ["credentials", `Basic ${btoa("reader:0123456789abcdef")}`, "(a secret)"],
  ["what merely looks like one", "Bearer of news, Basic terms", "Bearer of news, Basic terms"],
  ["what asks for one", 'Basic realm="Orthanc Secure Area"', 'Basic realm="Orthanc Secure Area"'],
])("%s", (_, text, rest) => {
  expect(redact(text)).toBe(rest);
});
