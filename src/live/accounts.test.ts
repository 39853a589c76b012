/** Loopback is no boundary between accounts: another account of this machine has no access. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { ServerOptions } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import getPort from "get-port";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ownerOf } from "../linux/socketOwner.ts";
import { SECRET_HEADER, SECRET_META } from "../protocol/live.ts";
import {
  askFromOther,
  NO_NAMESPACE,
  NO_OTHER_ACCOUNT,
  OTHER,
  runAsOther,
} from "../testing/otherAccount.ts";
import { ask, type PlainRequest, pageHeaders, serveApp } from "../testing/serveApp.ts";
import { type Accounts, GuardedServer } from "./requestGuards.ts";
import { createSite } from "./site.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
/** Docusaurus needs a while until it serves its first page. */
const LATER = { timeout: 300_000, interval: 500 };
const META = new RegExp(`<meta name="${SECRET_META}" content="([0-9a-f]{64})"`);
const NO_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
)
  ? undefined
  : "there is no IPv6 here";

for (const reason of new Set([NO_OTHER_ACCOUNT, NO_NAMESPACE, NO_IPV6])) {
  if (reason) console.warn(`Some of these tests are skipped: ${reason}.`);
}

let folder: string;
let started: ChildProcess[] = [];
let servers: { close: () => void }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "accounts-"));
  await writeFile(path.join(folder, "index.html"), "<html><head></head></html>");
  await writeFile(path.join(folder, "404.html"), "<html><head></head></html>");
});

afterEach(async () => {
  delete process.env.DOCUSAURUS_BROWSER;
  for (const child of started) {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  for (const server of servers) server.close();
  started = [];
  servers = [];
});

afterAll(() => rm(folder, { recursive: true }));

/** Starts one of our commands, and returns the address that it prints. */
async function start(wrapper: string[], command: string, ...args: string[]): Promise<URL> {
  const [first = "", ...all] = [
    ...wrapper,
    process.execPath,
    "--import",
    "@oxc-node/core/register",
    command,
    ...args,
  ];
  const child = spawn(first, all, { cwd: REPOSITORY, stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/\S+/.exec(line);
    if (address) return new URL(address[0]);
  }
  throw new Error(`${command} has printed no address.`);
}

const serve = (...wrapper: string[]) =>
  start(wrapper, "src/cli/serve.ts", "--port", "0", "--folder", folder);

/** Serves a site in this process. */
async function serveHere(accounts: Accounts) {
  const server = await serveApp(createSite(folder, true), accounts);
  servers.push(server);
  return server;
}

/** Serves one word on an address of this machine, and counts the requests to its listener. */
async function serveWord(address: string, options?: ServerOptions) {
  const observed = { requests: 0 };
  const server = new GuardedServer(
    "own",
    (_, response) => {
      observed.requests += 1;
      response.end("word");
    },
    options,
  );
  servers.push(server);
  await once(server.listen(0, address), "listening");
  return { observed, server, port: (server.address() as AddressInfo).port };
}

/** A run whose TypeScript twin leaves a file as a trace. */
function runLeaving(trace: string): string {
  const edited = {
    "plugin.ts": `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(trace)}, "");`,
  };
  return JSON.stringify({ scenario: "rest-token", programs: ["typescript"], edited });
}

/** Tries everything by which a program of the other account could run code as the reader. */
async function attack(host: string) {
  const asPage = (secret: string): PlainRequest => ({
    method: "POST",
    path: "/live/runs",
    headers: pageHeaders(host, secret),
    body: runLeaving(path.join(folder, "trace")),
  });
  const page = await askFromOther(host, { path: "/" });
  const secret = META.exec(page.text)?.[1];
  const run = await askFromOther(host, asPage(secret ?? "guessed"));
  return { page, secret, run };
}

async function expectRefused(host: string) {
  const { page, secret, run } = await attack(host);
  for (const { status, text } of [page, run]) {
    expect(text).toMatch(`for the account that has started it, not for account ${OTHER}.`);
    expect(status).toBe(403);
  }
  expect(secret).toBeUndefined();
  // Not even with the secret.
  const own = META.exec((await ask(host, { path: "/" })).text)?.[1] ?? "";
  expect(own).not.toBe("");
  const headers = { [SECRET_HEADER]: own };
  const files = "/live/scenarios/rest-token";
  expect((await ask(host, { path: files, headers })).status).toBe(200);
  expect((await askFromOther(host, { path: files, headers })).status).toBe(403);
  expect(existsSync(path.join(folder, "trace"))).toBe(false);
}

describe.skipIf(NO_OTHER_ACCOUNT)("another account", () => {
  test("would have its code run as the reader, were all accounts let in", async () => {
    const { host } = await serveHere("all");
    const { secret, run } = await attack(host);
    expect(run.status).toBe(201);
    const headers = pageHeaders(host, secret ?? "");
    const { id } = JSON.parse(run.text);
    const stopped = await ask(host, { method: "DELETE", path: `/live/runs/${id}`, headers });
    expect(stopped.status).toBe(204);
  });

  test("gets no page from npm run serve, and has nothing run", async () => {
    const { host } = await serve();
    await expectRefused(host);
  });

  test("gets no page from npm start, has nothing run, and no WebSocket", {
    timeout: 400_000,
  }, async () => {
    const port = String(await getPort({ host: "127.0.0.1" }));
    const { host } = await start([], "src/cli/start.ts", "--port", port, "--no-open");
    await expect
      .poll(
        () =>
          ask(host, { path: "/" }).then(
            ({ status }) => status,
            () => 0,
          ),
        LATER,
      )
      .toBe(200);
    await expectRefused(host);
    const upgrade = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    expect((await askFromOther(host, { path: "/ws", headers: upgrade })).status).toBe(403);
    // The API works there for pages, including requests without a body.
    const secret = META.exec((await ask(host, { path: "/" })).text)?.[1] ?? "";
    const headers = pageHeaders(host, secret);
    const none = await ask(host, { method: "DELETE", path: "/live/runs/none", headers });
    expect(none.status).toBe(404);
  });

  test("is not taken for root when it calls itself so in a user namespace", async ({ skip }) => {
    skip(NO_NAMESPACE !== undefined, NO_NAMESPACE);
    const { host } = await serveHere("own");
    const wrapper = ["unshare", "--user", "--map-root-user"];
    const page = await askFromOther(host, { path: "/" }, wrapper);
    expect(page.text).toMatch(`not for account ${OTHER}.`);
    expect(page.status).toBe(403);
  });

  test("is not taken for root when it has closed its socket before it is looked up", async () => {
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      sockets.push(socket.on("error", () => {})),
    );
    servers.push(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    await runAsOther(
      `import { connect } from "node:net";
      for (let i = 0; i < 30; i++) {
        const socket = connect(${port}, "127.0.0.1");
        await new Promise((resolve) => socket.once("connect", resolve));
        const closing = [() => socket.destroy(), () => socket.resetAndDestroy(), () => socket.end()];
        await new Promise((resolve) => socket.write("GET / HTTP/1.1", resolve));
        closing[i % 3]();
      }
      process.exit();`,
      [],
    );
    await expect.poll(() => sockets.length).toBe(30);
    for (const socket of sockets) expect(await ownerOf(socket)).toBeUndefined();
    for (const socket of sockets) socket.destroy();
  });

  test("is refused on its connection, and can't keep that open", async () => {
    // Only the refusal ends a connection here.
    const { observed, server, port } = await serveWord("127.0.0.1", {
      headersTimeout: 0,
      requestTimeout: 0,
    });
    const open = () =>
      new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    // It sends nothing, never closes, and prints what it has received.
    const program = runAsOther(
      `import { connect } from "node:net";
      const sockets = Array.from({ length: 300 }, () => connect({ port: ${port}, host: "127.0.0.1", allowHalfOpen: true }));
      const reported = await Promise.all(sockets.map((socket) => new Promise((resolve) => {
        let text = "";
        socket.on("data", (data) => { text += data; }).on("error", () => {});
        socket.once("end", () => resolve(text.split("\\r\\n")[0]));
      })));
      console.log(JSON.stringify([...new Set(reported)]));
      process.stdin.resume();`,
      [],
    );
    const [line] = await once(createInterface({ input: program.stdout }), "line");
    expect(JSON.parse(line)).toEqual(["HTTP/1.1 403 Forbidden"]);
    await expect.poll(open, { timeout: 20_000 }).toBe(0);
    expect(program.exitCode).toBe(null);
    expect(observed.requests).toBe(0);
    program.stdin.end();
    await program;
  });

  test.for(["127.0.0.1", "::", "::1"])(
    "is known by its connections to %s",
    async (address, { skip }) => {
      if (address.includes(":")) skip(NO_IPV6 !== undefined, NO_IPV6);
      const { port } = await serveWord(address);
      const hosts =
        {
          "127.0.0.1": [`127.0.0.1:${port}`, `[::ffff:127.0.0.1]:${port}`],
          "::": [`127.0.0.1:${port}`, `[::ffff:127.0.0.1]:${port}`, `[::1]:${port}`],
          "::1": [`[::1]:${port}`],
        }[address] ?? [];
      for (const host of hosts) {
        const headers = { host: host.replace("[::ffff:127.0.0.1]", "127.0.0.1") };
        expect(await ask(host, { path: "/", headers })).toMatchObject({
          status: 200,
          text: "word",
        });
        const other = await askFromOther(host, { path: "/", headers });
        expect(other.text).toMatch(`not for account ${OTHER}.`);
      }
    },
  );
});

describe("this account and root", () => {
  test.skipIf(NO_OTHER_ACCOUNT)("are let in by a server of another account", async () => {
    const guards = pathToFileURL(path.join(import.meta.dirname, "requestGuards.ts"));
    const address = await start(
      [],
      "--input-type=module",
      "--eval",
      `import { GuardedServer } from "${guards}";
      process.setgroups([]);
      process.setgid(${OTHER});
      process.setuid(${OTHER});
      const server = new GuardedServer("own", (_, response) => response.end("word"));
      server.listen(0, "127.0.0.1", () => console.log("http://127.0.0.1:" + server.address().port));`,
    );
    expect(await ask(address.host, { path: "/" })).toMatchObject({ status: 200, text: "word" });
    expect((await askFromOther(address.host, { path: "/" })).text).toBe("word");
  });

  test("are led from localhost to the address itself, which no name can stand for", async () => {
    const { port } = await serveWord("127.0.0.1");
    const from = (host: string, method = "GET") =>
      ask(`127.0.0.1:${port}`, { method, path: "/page?a=b", headers: { host } });
    const led = await from(`localhost:${port}`);
    expect(led.headers.location).toBe(`http://127.0.0.1:${port}/page?a=b`);
    expect(led.status).toBe(307);
    expect((await from(`localhost:${port}`, "POST")).status).toBe(403);
    for (const host of ["127.0.0.1", "127.0.0.2", "[::1]", "evil.localhost", "evil.example"]) {
      expect((await from(`${host}:${port}`)).status).toBe(host === "127.0.0.1" ? 200 : 403);
    }
  });
});

describe("if the system does not reveal a client's account, the token", () => {
  const token = "the-token-of-this-test";
  const get = (host: string, target: string, headers: Record<string, string> = {}) =>
    ask(host, { path: target, headers });

  test("is printed, and is asked for", async ({ skip }) => {
    skip(NO_NAMESPACE !== undefined, NO_NAMESPACE);
    // In a user namespace in which no account has a number, Linux does not distinguish accounts.
    const address = await serve("unshare", "--user");
    expect(address.searchParams.get("token")).toMatch(/^[0-9a-f]{64}$/);
    const refused = await get(address.host, "/");
    expect(refused.text).toMatch("open the address that it has printed");
    expect(refused.status).toBe(403);
    const letIn = await get(address.host, address.pathname + address.search);
    const [cookie = ""] = letIn.headers["set-cookie"] ?? [];
    const page = await get(address.host, "/", { cookie: cookie.split(";")[0] ?? "" });
    expect(page.text).toMatch(META);
    expect((await serve("unshare", "--user")).search).not.toBe(address.search);
  });

  test("is opened by npm start, in a file that no other account can read", async ({ skip }) => {
    skip(NO_NAMESPACE !== undefined, NO_NAMESPACE);
    // A browser that records its arguments, which other accounts can read.
    const [browser, opened] = [path.join(folder, "browser"), path.join(folder, "opened")];
    await writeFile(
      browser,
      `#!/bin/sh\necho "$@" > ${opened}.part; mv ${opened}.part ${opened}\n`,
    );
    await chmod(browser, 0o755);
    process.env.DOCUSAURUS_BROWSER = browser;
    const port = String(await getPort({ host: "127.0.0.1" }));
    const { host } = await start(["unshare", "--user"], "src/cli/start.ts", "--port", port);
    await expect.poll(() => existsSync(opened), LATER).toBe(true);
    const file = (await readFile(opened, "utf8")).trim();
    expect(file).toMatch(/^file:\/\/\S+$/);
    expect((await stat(fileURLToPath(file))).mode & 0o777).toBe(0o600);
    const page = await readFile(fileURLToPath(file), "utf8");
    const address = new URL(/url=([^"]+)/.exec(page)?.[1] ?? "");
    expect(address.host).toBe(host);
    const letIn = await get(host, address.pathname + address.search);
    expect(letIn.headers["set-cookie"]).toHaveLength(1);
    expect((await get(host, "/")).status).toBe(403);
    started[0]?.kill("SIGINT");
    await expect.poll(() => existsSync(fileURLToPath(file)), LATER).toBe(false);
  }, 400_000);

  test("becomes a cookie for this server alone, and leaves the address", async () => {
    const { host } = await serveHere({ token });
    const letIn = await get(host, `/page?a=b&token=${token}`);
    expect(letIn.status).toBe(200);
    expect(letIn.headers.refresh).toBe(`0; url=http://${host}/page?a=b`);
    const name = `orthanc-twins-${host.split(":")[1]}`;
    expect(letIn.headers["set-cookie"]).toEqual([
      `${name}=${token}; HttpOnly; SameSite=Strict; Path=/`,
    ]);
    expect(letIn.headers["cache-control"]).toBe("no-store");
    expect(letIn.headers["referrer-policy"]).toBe("no-referrer");
    expect(letIn.text).not.toContain(token);
    expect((await get(host, "/", { cookie: `other=1; ${name}=${token}` })).text).toMatch(META);
    // An address can't redirect to another site.
    const elsewhere = await get(host, `//evil.example/?token=${token}`);
    expect(elsewhere.headers.refresh).toBe(`0; url=http://${host}//evil.example/`);
  });

  test.each([
    ["nothing", "/", {}],
    ["a wrong token", "/?token=guessed", {}],
    ["an empty token", "/?token=", {}],
    ["a wrong cookie", "/", { cookie: "orthanc-twins-PORT=guessed" }],
    ["another port's cookie", "/", { cookie: `orthanc-twins-1=${token}` }],
    ["a malformed address", "*", {}],
  ])("is missing with %s: nothing is served", async (_, target, headers: { cookie?: string }) => {
    const { host } = await serveHere({ token });
    const cookie = headers.cookie?.replace("PORT", host.split(":")[1] ?? "");
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const refused = await ask(host, { method, path: target, headers: { cookie } });
      expect(refused.status).toBe(403);
      expect(refused.headers["set-cookie"]).toBeUndefined();
      expect(refused.text).not.toMatch(META);
    }
    const api = await ask(host, { path: "/live/versions", headers: { cookie } });
    expect(JSON.parse(api.text).error).toMatch("requires its token");
  });
});
