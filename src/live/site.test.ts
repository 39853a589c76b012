/** The built site as `npm run serve` serves it: who gets the secret, and who gets nothing. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SECRET_HEADER, SECRET_META } from "../protocol/live.ts";
import { ask, serveApp } from "../testing/serveApp.ts";
import { createSite } from "./site.ts";

const META = new RegExp(`<meta name="${SECRET_META}" content="([0-9a-f]{64})"></head>`);

let folder: string;
const closers: (() => void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "site-"));
  const page = (text: string) => `<html><head><title>${text}</title></head></html>`;
  await writeFile(path.join(folder, "index.html"), page("start"));
  await writeFile(path.join(folder, "page.html"), page("page"));
  await writeFile(path.join(folder, "404.html"), page("nothing here"));
  await writeFile(path.join(folder, "main.js"), 'const html = "</head>";');
});

afterAll(async () => {
  for (const close of closers) close();
  await rm(folder, { recursive: true });
});

/** Serves the folder: returns the host name with the port. */
async function serveSite(live: boolean): Promise<string> {
  const { host, close } = await serveApp(createSite(folder, live));
  closers.push(close);
  return host;
}

const get = (host: string, path: string, headers: Record<string, string> = {}) =>
  ask(host, { path, headers });

describe("live", () => {
  test.each([
    ["/", 200],
    ["/page", 200],
    ["/none", 404],
  ])("%s has the secret, is not kept, and is shown in no frame", async (target, status) => {
    const page = await get(await serveSite(true), target);
    expect(page.status).toBe(status);
    expect(page.text).toMatch(META);
    expect(page.headers["cache-control"]).toBe("no-store");
    expect(page.headers["x-frame-options"]).toBe("DENY");
    expect(page.headers["content-security-policy"]).toBe("frame-ancestors 'none'");
    expect(page.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("the secret is in pages only, is another one at each start, and opens the API", async () => {
    const [one, other] = [await serveSite(true), await serveSite(true)];
    const secretOf = async (host: string) => META.exec((await get(host, "/")).text)?.[1] ?? "";
    const secret = await secretOf(one);
    expect(await secretOf(other)).not.toBe(secret);
    expect((await get(one, "/main.js")).text).toBe('const html = "</head>";');
    const asked = (host: string) =>
      get(host, "/live/scenarios/rest-token", { [SECRET_HEADER]: secret });
    expect((await asked(one)).status).toBe(200);
    expect((await asked(other)).status).toBe(403);
  });

  test("a page under a foreign host name is refused", async () => {
    const page = await get(await serveSite(true), "/", { host: "evil.example" });
    expect(page.status).toBe(403);
    expect(page.text).not.toMatch(META);
  });
});

test("static: the same pages without a secret, and no API", async () => {
  const host = await serveSite(false);
  expect((await get(host, "/")).text).toBe("<html><head><title>start</title></head></html>");
  const nothing = await get(host, "/live/versions");
  expect(nothing.status).toBe(404);
  expect(nothing.text).toContain("nothing here");
});
