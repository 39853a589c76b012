/** What routes.py and routes.ts promise, on the same requests. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXAMPLES } from "../../src/catalogue/catalogue.ts";
import { startProgram } from "../../src/harness/program.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";

const FAILED = { error: "the plugin has failed" };

describe.each([
  ["python", undefined],
  // There, SendHttpStatus takes two arguments, not three.
  ["python", "trixie"],
  ["typescript", undefined],
] as const)("%s, release %s", (language, release) => {
  let orthanc: Orthanc;

  beforeAll(async () => {
    const folder = path.join(EXAMPLES, "routes/fixtures");
    const routes = ["/text", "/json", "/parts/([^/]+)/([^/]+)", "/fail/([a-z]+)"];
    orthanc = await startProgram({ folder, language, routes, instances: [] }, { release });
  });
  afterAll(async () => {
    expect(await orthanc.stop(), "what is left").toEqual([]);
    expect(await orthanc.ended).toBe("exit code 0");
  });

  const ask = async (target: string, init?: { method: string; body?: string }) => {
    const answer = await orthanc.request(target, init);
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text };
  };

  test("text is sent as text", async () => {
    const { status, headers, text } = await ask("/text");
    expect([status, text]).toEqual([200, "é\n"]);
    expect(headers.get("content-type")).toMatch(/^text\/plain/);
  });

  test("anything else is sent as JSON", async () => {
    const { status, headers, text } = await ask("/json?q=a");
    expect([status, JSON.parse(text)]).toEqual([200, { query: "a" }]);
    expect(headers.get("content-type")).toBe("application/json");
  });

  test("a query is decoded once", async () => {
    const { text } = await ask("/json?q=a+b%20c%2B%C3%A9%2541");
    expect(JSON.parse(text)).toEqual({ query: "a b c+é%41" });
  });

  test("a method has its own function and status", async () => {
    const { status, text } = await ask("/json", { method: "POST", body: "12345" });
    expect([status, JSON.parse(text)]).toEqual([201, { size: 5 }]);
  });

  test("the parts of a path are decoded once", async () => {
    expect(JSON.parse((await ask("/parts/a%20b/%25c%C3%A9")).text)).toEqual(["a b", "%cé"]);
  });

  test.each([
    ["DELETE", "/json", "GET, POST"],
    ["POST", "/text", "GET"],
    ["PUT", "/parts/a/b", "GET"],
  ])(
    "%s %s is answered with 405, and the methods that there are",
    async (method, target, allow) => {
      const { status, headers, text } = await ask(target, { method });
      expect([status, headers.get("allow"), text]).toEqual([405, allow, ""]);
    },
  );

  test.each([
    ["refused", 409, { error: "é is taken" }, null],
    ["busy", 503, { error: "come back later" }, "1"],
    ["late", 504, { error: "too late" }, null],
  ])("an error with a status, %s, is answered with it", async (how, status, body, retry) => {
    const answer = await ask(`/fail/${how}`);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, body]);
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(answer.headers.get("retry-after")).toBe(retry);
  });

  test("a status that Orthanc can't send becomes the first of its class", async () => {
    const answer = await ask("/fail/limited");
    expect([answer.status, JSON.parse(answer.text)]).toEqual([400, { error: "slower" }]);
  });

  test.each(language === "python" ? ["bug", "foreign"] : ["bug", "foreign", "text"])(
    "any other, %s, goes to the log alone",
    async (how) => {
      const answer = await ask(`/fail/${how}`);
      expect([answer.status, JSON.parse(answer.text)]).toEqual([500, FAILED]);
      expect(await orthanc.log()).toMatch(new RegExp(`["']/fail/${how}["']: [\\s\\S]*secret`));
    },
  );

  test("a path with line feeds forges no line of the log", async () => {
    const { status } = await ask("/parts/bug/x%0Aforged%0D%0Aforged");
    expect(status).toBe(500);
    const log = await orthanc.log();
    expect(log).toContain(String.raw`/parts/bug/x\nforged\r\nforged`);
    expect(log).not.toMatch(/^forged/m);
  });

  test.runIf(language === "typescript")(
    "an HTTPException with its own response is answered with that",
    async () => {
      const { status, headers, text } = await ask("/fail/own");
      expect([status, headers.get("x-hint"), text]).toEqual([403, "own", "a page"]);
    },
  );

  test.each(language === "python" ? ["unwritable", "infinite"] : ["unwritable"])(
    "a value that JSON can't express, %s, is such an error",
    async (how) => {
      const answer = await ask(`/fail/${how}`);
      expect([answer.status, JSON.parse(answer.text)]).toEqual([500, FAILED]);
    },
  );
});
