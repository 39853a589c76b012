/** The live API under hostile input, hostile code and many clients: nothing gets in, limits hold, the server survives. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { Agent, createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { getRequestListener } from "@hono/node-server";
import { type Browser, chromium, type Page } from "@playwright/test";
import { execa } from "execa";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { commandLine, openFiles, processIds } from "../linux/processes.js";
import { type RunEvent, SECRET_HEADER, SECRET_META } from "../protocol/live.ts";
import { findBrowser } from "../setup/browser.ts";
import { processesIn } from "../testing/leftovers.ts";
import { pageClient } from "../testing/pageClient.ts";
import { ask, pageHeaders } from "../testing/serveApp.ts";
import { reportProgress, SOAKING, scaled } from "../testing/soak.ts";
import { type Accounts, GuardedServer, openingAddress } from "./requestGuards.ts";
import { createSite } from "./site.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const META = new RegExp(`<meta name="${SECRET_META}" content="([0-9a-f]{64})"`);
const OUTSIDE = "this is outside of the site";
const SOON = { timeout: 60_000, interval: 100 };

if (!SOAKING) console.warn("Code that ends only by a time limit is tried by npm run soak alone.");

let folder: string;
let build: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "fuzz-"));
  build = path.join(folder, "build");
  await mkdir(path.join(folder, "tmp"));
  await mkdir(build);
  await writeFile(path.join(folder, "outside.html"), OUTSIDE);
  await writeFile(path.join(build, "index.html"), "<html><head></head><body>page</body></html>");
  await writeFile(path.join(build, "404.html"), "<html><head></head><body>none</body></html>");
  await writeFile(path.join(build, "main.js"), "globalThis.loaded = true;");
});

afterAll(() => rm(folder, { recursive: true }));

/** The server in a separate process, so that a test can check that it keeps running. */
let child: ChildProcess;
let host: string;
let secret: string;

beforeAll(async () => {
  child = spawn(
    process.execPath,
    [
      ...["--import", "@oxc-node/core/register", "src/cli/serve.ts"],
      ...["--port", "0", "--folder", build],
    ],
    {
      cwd: REPOSITORY,
      env: { ...process.env, TMPDIR: path.join(folder, "tmp") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const address = /http:\/\/(\S+?)\//.exec(line)?.[1];
    if (!address) continue;
    host = address;
    break;
  }
  secret = META.exec((await ask(host, { path: "/" })).text)?.[1] ?? "";
});

afterAll(async () => {
  child.kill();
  await once(child, "exit");
});

afterEach(async () => {
  expect(child.exitCode).toBe(null);
  expect((await ask(host, { path: "/" })).text).toContain("page");
  await nothingIsLeft();
});

async function nothingIsLeft(mark?: string) {
  const temporary = path.join(folder, "tmp");
  const left = () => [
    ...processesIn(temporary).filter((one) => !one.startsWith(`process ${child.pid}:`)),
    ...(mark ? commandsWith(mark) : []),
  ];
  // Orthanc may need its eight seconds to end, on a busy machine longer.
  await expect.poll(left, SOON).toEqual([]);
  await expect.poll(() => readdir(temporary), SOON).toEqual([]);
}

/** Lists the command lines of this machine that contain a mark. */
function commandsWith(mark: string): string[] {
  return processIds()
    .map(commandLine)
    .filter((command) => command.includes(mark));
}

const page = () => pageClient(host, secret);

/** Starts a run of one twin with an edited file, and returns its id. */
function start(edited: Record<string, string>, example = "rest-token"): Promise<string> {
  const program = Object.keys(edited)[0]?.endsWith(".py") ? "python" : "typescript";
  return page().startRun({ scenario: example, programs: [program], edited });
}

/** Collects the events of a run until it ends; `seen` receives each of them. */
async function follow(id: string, seen: (event: RunEvent) => void = () => {}) {
  const reported: RunEvent[] = [];
  for await (const [, event] of page().followRun(id)) {
    reported.push(event);
    seen(event);
  }
  return reported;
}

/** Sends bytes, and returns everything that is received until the connection is closed. */
function sendRaw(bytes: string): Promise<string> {
  const [hostname, port] = host.split(":");
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => {}).setEncoding("utf8");
  socket.setTimeout(30_000, () => socket.destroy());
  let text = "";
  socket.on("data", (data) => {
    text += data;
  });
  socket.write(bytes);
  return new Promise((resolve) => socket.once("close", () => resolve(text)));
}

describe("requests", () => {
  const id = () => fc.oneof(fc.constant("KNOWN"), fc.uuid(), fc.string({ maxLength: 40 }));
  const segment = fc.oneof(
    fc.constantFrom("live", "runs", "events", "examples", "versionless", "rest-token", "..", "."),
    fc.constantFrom("%2e%2e", "%2f", "%00", "%ff", "%", "a b", "é", "?", "#", "__proto__"),
    fc.webSegment(),
  );
  const target = fc.oneof(
    fc.array(segment, { maxLength: 6 }).map((all) => `/${all.join("/")}`),
    fc
      .tuple(id(), fc.constantFrom("", "/events", "/x"))
      .map(([one, rest]) => `/live/runs/${one}${rest}`),
    fc.constantFrom(
      "*",
      "http://evil.example/live/runs",
      "//evil.example",
      "/live",
      "/live/runs?a=b",
    ),
  );
  const token = fc.constantFrom(..."!#$%&'*+-.^_|~09azAZ");
  const header = fc.tuple(
    fc.oneof(
      fc.constantFrom("origin", "host", "content-type", "content-length", "transfer-encoding"),
      fc.constantFrom("last-event-id", "expect", "connection", "upgrade", "cookie", "accept"),
      fc.constantFrom(
        "sec-fetch-site",
        "sec-fetch-mode",
        "range",
        "accept-encoding",
        SECRET_HEADER,
      ),
      fc.string({ unit: token, minLength: 1, maxLength: 12 }),
    ),
    fc.oneof(
      fc.constantFrom(
        "null",
        "application/json",
        "chunked",
        "100-continue",
        "upgrade",
        "websocket",
      ),
      fc.constantFrom(
        "bytes=0-",
        "bytes=9-1",
        "-1",
        "0x3",
        "1e400",
        "99999999999999999999",
        "gzip",
      ),
      fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\t\x20-\x7e\xa0-\xff]/g, "")),
    ),
  );
  const method = fc.oneof(
    fc.constantFrom("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT"),
    fc.string({ unit: token, minLength: 1, maxLength: 8 }),
  );
  const body = fc.oneof(
    fc.constant(""),
    fc.json({ maxDepth: 3 }),
    fc
      .record({
        scenario: fc.oneof(fc.constantFrom("none", "../rest-token", "__proto__"), fc.string()),
        programs: fc.array(fc.constantFrom("python", "typescript", "cobol"), { maxLength: 3 }),
        calls: fc.oneof(fc.integer(), fc.double()),
        edited: fc.dictionary(fc.string(), fc.string()),
      })
      .map((value) => JSON.stringify(value)),
    fc.string({ maxLength: 2_000 }),
    fc.constant("LARGE"),
  );
  const asked = fc.record({
    method,
    target,
    headers: fc.array(header, { maxLength: 5 }),
    body,
    own: fc.boolean(),
    length: fc.boolean(),
  });

  test("of any form are answered, none with an error of the server's own", async () => {
    const known = await start({ "plugin.py": "(" });
    expect((await follow(known)).at(-1)).toMatchObject({ end: { how: "invalid" } });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(asked, async ({ method, target, headers, body, own, length }) => {
        const sent = body.replace("LARGE", "x".repeat(300_000));
        const lines = [
          `${method} ${target.replace("KNOWN", known).replaceAll(" ", "+")} HTTP/1.1`,
          ...(own
            ? [`Host: ${host}`, `Origin: http://${host}`, `${SECRET_HEADER}: ${secret}`]
            : []),
          ...(own && body.startsWith("{") ? ["Content-Type: application/json"] : []),
          ...headers.map(([name, value]) => `${name}: ${value}`),
          ...(length ? [`Content-Length: ${Buffer.byteLength(sent)}`] : []),
          "Connection: close",
        ];
        const answer = await sendRaw(`${lines.join("\r\n")}\r\n\r\n${sent}`);
        // Node closes the connection of a CONNECT request and of an incomplete one.
        if (answer === "" && (method === "CONNECT" || !length)) return;
        expect(answer).toMatch(/^(HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 [234]\d\d /);
        if (!own) expect(answer).not.toMatch(META);
        count += 1;
        if (count % 1_000 === 0) reportProgress(`${count} requests were answered`);
      }),
      { numRuns: scaled(150, 20_000) },
    );
  });

  test("for files elsewhere are not answered with them", async () => {
    const deep = "../".repeat(12);
    const ways = [
      `../outside`,
      `..%2foutside`,
      `%2e%2e/outside`,
      `%2e%2e%2foutside`,
      `..%5coutside`,
    ];
    ways.push(
      `..\\outside`,
      `.%2e/outside`,
      `%252e%252e/outside`,
      `..%c0%afoutside`,
      `....//outside`,
    );
    ways.push(`a/../../outside`, `./../outside`, `/../outside`, `..;/outside`, `..%00/outside`);
    ways.push(`${deep}etc/passwd`, encodeURIComponent(`${deep}etc/passwd`), `/etc/passwd`);
    ways.push(`${folder}/outside`, `file://${folder}/outside.html`, `main.js/../../outside`);
    for (const way of ways) {
      for (const target of [`/${way}`, `/${way}.html`, `/live/scenarios/${way}`, way]) {
        const answer = await sendRaw(
          `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${SECRET_HEADER}: ${secret}\r\nConnection: close\r\n\r\n`,
        );
        expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
        expect(answer).not.toContain(OUTSIDE);
        expect(answer).not.toContain("root:");
      }
    }
  });
});

describe("edited code", () => {
  /** A plugin that does something before it answers. */
  const plugin = (code: string) => ({
    "plugin.py": `import os, signal, subprocess, time
import orthanc
${code}
def on_computation(output, uri, **request):
    time.sleep(60)
orthanc.RegisterRestCallback("/computation", on_computation)
`,
  });
  const mark = () => `300.${Math.floor(Math.random() * 1e9)}`;

  test("that forks endlessly is ended, with all processes that it has forked", async () => {
    // Limited in case that the limit fails: 300 processes, each detached in another way.
    const sleeping = mark();
    const id = await start(
      plugin(`for i in range(300):
    if os.fork() == 0:
        if i % 2: os.setsid()
        if i % 3 == 0 and os.fork(): os._exit(0)
        os.chdir("/")
        os.execve("/bin/sleep", ["sleep", "${sleeping}"], {"TMPDIR": "/"} if i % 5 else {})
    time.sleep(0.002)
time.sleep(60)`),
    );
    const end = (await follow(id)).at(-1);
    expect(JSON.stringify(end)).toMatch(/"failed".*it had more than 100 processes/);
    expect(commandsWith(sleeping)).toEqual([]);
    await nothingIsLeft(sleeping);
  });

  test("that is deaf, busy and detached is ended when its run is stopped", async () => {
    const sleeping = mark();
    const id = await start(
      plugin(`
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for environment in ({}, {"TMPDIR": "/nowhere"}, dict(os.environ)):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        os.chdir("/")
        os.execve("/bin/sh", ["sh", "-c", "trap '' TERM HUP INT; while :; do sleep ${sleeping}; done"], environment)
if os.fork() == 0:
    os.setsid()
    while True: pass
`),
    );
    const reported = follow(id, (event) => {
      if (event.type === "progress" && event.progress.type === "step") stopping ??= stop();
    });
    const stop = async () => {
      // Each of them is a shell with its child.
      await expect.poll(() => commandsWith(sleeping), SOON).toHaveLength(6);
      return page().request("DELETE", `/live/runs/${id}`);
    };
    let stopping: ReturnType<typeof stop> | undefined;
    expect((await reported).at(-1)).toMatchObject({ end: { how: "stopped" } });
    expect((await stopping)?.status).toBe(204);
    expect(commandsWith(sleeping)).toEqual([]);
  });

  test("that takes all memory at once fails", async () => {
    const id = await start(plugin("hoard = bytearray(3_000_000_000)"));
    const end = (await follow(id)).at(-1);
    // Linux refuses the memory, or its use is noticed.
    expect(JSON.stringify(end)).toMatch(/"failed".*(MemoryError|more than 2000 MB of memory)/);
  });

  test.skipIf(!SOAKING)("that takes all memory in many processes is ended", async () => {
    const id = await start(
      plugin(`for i in range(4):
    if os.fork() == 0:
        hoard = b"x" * 700_000_000
        time.sleep(60)
time.sleep(60)`),
    );
    const end = (await follow(id)).at(-1);
    expect(JSON.stringify(end)).toMatch(/"failed".*more than 2000 MB of memory/);
  });

  test.skipIf(!SOAKING).each([
    ["prints", 'while True: print("x" * 10_000, flush=True)', /printed more than 10 MB/],
    ["computes", "while True: pass", /did not start|longer than/],
    ["sleeps", "time.sleep(600)", /did not start|longer than/],
    ["removes its folder", 'import shutil; shutil.rmtree(".."); time.sleep(600)', /did not start/],
    ["stops itself", "os.kill(os.getpid(), signal.SIGSTOP)", /did not start/],
    ["stops its guard", "os.kill(os.getppid(), signal.SIGSTOP); time.sleep(600)", /./],
  ])(
    "that %s endlessly fails in time",
    async (_, code, reason) => {
      if (!SOAKING) return;
      const id = await start(plugin(code));
      const end = (await follow(id)).at(-1);
      expect(JSON.stringify(end)).toMatch(/"failed"/);
      expect(JSON.stringify(end)).toMatch(reason);
    },
    400_000,
  );
});

/** Serves the site in this process, on a free port, and records the accepted requests. */
async function serveNoting(accounts: Accounts = "own") {
  const site = getRequestListener(createSite(build, true).fetch);
  const letIn: string[] = [];
  const server = new GuardedServer(accounts, (request, response) => {
    letIn.push(`${request.method} ${request.url}`);
    return site(request, response);
  });
  server.on("upgrade", (request, socket) => {
    letIn.push(`UPGRADE ${request.url}`);
    socket.end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, letIn, origin: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe("a foreign page in a browser", () => {
  let browser: Browser;
  let page: Page;
  let foreign: ReturnType<typeof createServer>;

  beforeAll(async () => {
    const found = await findBrowser();
    browser = await chromium.launch({
      executablePath: found.executablePath,
      env: { ...(process.env as Record<string, string>), ...found.env },
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    });
    foreign = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<title>foreign</title>");
    });
    await once(foreign.listen(0, "127.0.0.1"), "listening");
  });

  afterAll(async () => {
    foreign.close();
    await browser.close();
  });

  afterEach(() => page.context().close());

  /** Opens it: on another site, or on another port of the same host. */
  async function open(site: "localhost" | "127.0.0.1") {
    page = await (await browser.newContext()).newPage();
    await page.goto(`http://${site}:${(foreign.address() as AddressInfo).port}/`);
  }

  test.each(["localhost", "127.0.0.1"] as const)(
    "of %s sends nothing that is let in, and reads nothing",
    async (site) => {
      const attacked = await serveNoting();
      const known = META.exec((await ask(attacked.origin, { path: "/" })).text)?.[1] ?? "";
      attacked.letIn.length = 0;
      await open(site);
      const run = JSON.stringify({ scenario: "rest-token", programs: ["python"] });
      const outcome = await page.evaluate(
        async ([origin, known, header, run]) => {
          const url = `http://${origin}/live/runs`;
          const seen: Record<string, unknown> = {};
          const tried = async (name: string, work: () => Promise<unknown>) => {
            seen[name] = await work().catch((error: Error) => error.name);
          };
          const loaded = (element: HTMLElement) =>
            new Promise((resolve) => {
              element.onload = () => resolve("loaded");
              element.onerror = () => resolve("refused");
              document.body.append(element);
            });
          for (const enctype of [
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "text/plain",
          ]) {
            const frame = document.createElement("iframe");
            frame.name = `frame-${enctype}`;
            const form = document.createElement("form");
            form.innerHTML = `<input name='{"a":"' value='"}'>`;
            Object.assign(form, { action: url, method: "POST", enctype, target: frame.name });
            document.body.append(frame, form);
            const answered = new Promise((resolve) => {
              frame.onload = resolve;
            });
            form.submit();
            await answered;
          }
          for (const mode of ["no-cors", "cors"] as const) {
            for (const method of ["GET", "POST"]) {
              await tried(`fetch ${mode} ${method}`, async () => {
                const body = method === "POST" ? run : undefined;
                const response = await fetch(url, { mode, method, body, credentials: "include" });
                return `${response.type}: ${await response.text()}`;
              });
            }
          }
          await tried("fetch with the secret", async () => {
            const headers = { [header]: known, "content-type": "application/json" };
            return (await fetch(url, { method: "POST", headers, body: run })).status;
          });
          await tried("beacon", async () => navigator.sendBeacon(url, run) && "queued");
          const image = new Image();
          image.src = `http://${origin}/main.js`;
          await tried("image", () => loaded(image));
          const script = document.createElement("script");
          script.src = `http://${origin}/main.js`;
          await tried("script", () => loaded(script));
          seen.ran = "loaded" in globalThis;
          const style = document.createElement("link");
          Object.assign(style, { rel: "stylesheet", href: `http://${origin}/` });
          await tried("style", () => loaded(style));
          const frame = document.createElement("iframe");
          frame.src = `http://${origin}/`;
          await loaded(frame);
          await tried(
            "frame",
            async () => frame.contentDocument?.body?.textContent ?? "unreadable",
          );
          await tried(
            "events",
            () =>
              new Promise((resolve) => {
                const source = new EventSource(`${url}/x/events`, { withCredentials: true });
                source.onerror = () => resolve("refused");
                source.onopen = () => resolve("opened");
              }),
          );
          await tried(
            "socket",
            () =>
              new Promise((resolve) => {
                const socket = new WebSocket(`ws://${origin}/ws`);
                socket.onerror = () => resolve("refused");
                socket.onopen = () => resolve("opened");
              }),
          );
          return seen;
        },
        [attacked.origin, known, SECRET_HEADER, run] as const,
      );
      expect(outcome).toEqual({
        "fetch no-cors GET": "opaque: ",
        "fetch no-cors POST": "opaque: ",
        "fetch cors GET": "TypeError",
        "fetch cors POST": "TypeError",
        "fetch with the secret": "TypeError",
        beacon: "queued",
        image: "refused",
        script: "refused",
        ran: false,
        style: "refused",
        frame: "unreadable",
        events: "refused",
        socket: "refused",
      });
      expect(attacked.letIn).toEqual([]);
      // A link is accepted, but the page that it opens can't be read.
      const opened = page.context().waitForEvent("page");
      const read = await page.evaluate((origin) => {
        const other = window.open(`http://${origin}/`);
        return new Promise((resolve) =>
          setTimeout(() => {
            try {
              resolve(other?.document.body.textContent);
            } catch (error) {
              resolve((error as Error).name);
            }
          }, 500),
        );
      }, attacked.origin);
      await (await opened).waitForLoadState();
      expect(read).not.toMatch(/page/);
      expect(attacked.letIn).toContain("GET /");
      expect(attacked.letIn.filter((one) => !one.startsWith("GET /"))).toEqual([]);
      attacked.server.close();
    },
  );

  test("can lead to an address with the token, whose cookie it can't use", async () => {
    const token = "the-token-of-this-test";
    const attacked = await serveNoting({ token });
    const port = Number(attacked.origin.split(":")[1]);
    await open("localhost");
    // Like the file that `npm start` opens.
    await page.evaluate((url) => location.assign(url), openingAddress({ token }, port));
    await page.waitForURL(`http://${attacked.origin}/`);
    await expect.poll(() => page.textContent("body")).toBe("page");
    expect(await page.evaluate(() => document.cookie)).toBe("");
    const [cookie] = await page.context().cookies(`http://${attacked.origin}/`);
    expect(cookie).toMatchObject({ value: token, httpOnly: true, sameSite: "Strict", path: "/" });
    attacked.letIn.length = 0;
    await page.goto(`http://localhost:${(foreign.address() as AddressInfo).port}/`);
    const status = await page.evaluate(async (origin) => {
      const response = await fetch(`http://${origin}/`, {
        mode: "no-cors",
        credentials: "include",
      });
      return response.status;
    }, attacked.origin);
    expect(status).toBe(0);
    // From another site, not even a link sends the cookie.
    await page.evaluate((url) => location.assign(url), `http://${attacked.origin}/`);
    await page.waitForURL(`http://${attacked.origin}/`);
    expect(await page.textContent("body")).toContain("requires its token");
    expect(attacked.letIn).toEqual([]);
    attacked.server.close();
  });
});

describe("clients", () => {
  test("a hundred at once, each following a run, receive the same events", async () => {
    const id = await start({ "plugin.py": "import orthanc\nraise ValueError()\n" });
    const followers = Array.from({ length: 100 }, () => follow(id));
    const asking = Array.from({ length: 100 }, () => ask(host, { path: "/" }));
    for (const { status } of await Promise.all(asking)) expect(status).toBe(200);
    const [first, ...others] = await Promise.all(followers);
    expect(first?.at(-1)).toMatchObject({ type: "ended", end: { how: "failed" } });
    for (const other of others) expect(other).toEqual(first);
  });

  /** A server with shorter time limits, so that the test takes little time. */
  async function impatient() {
    const site = getRequestListener(createSite(build, true).fetch);
    const times = scaled(
      { headersTimeout: 500, requestTimeout: 1_000, connectionsCheckingInterval: 100 },
      {},
    );
    const server = new GuardedServer("own", site, times);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    return { server, port, own: `127.0.0.1:${port}` };
  }

  /** Connects, and settles with what was received when the connection is closed. */
  function connected(port: number, use: (socket: Socket) => void): Promise<string> {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    let text = "";
    socket.setEncoding("utf8").on("data", (data) => {
      text += data;
    });
    use(socket);
    return new Promise((resolve) => socket.once("close", () => resolve(text)));
  }

  test("that send slowly are cut off, while others are served", async () => {
    const { server, port, own } = await impatient();
    const slowly = (start: string) =>
      connected(port, (socket) => {
        socket.write(start);
        const writing = setInterval(() => socket.write("a"), 50);
        socket.once("close", () => clearInterval(writing));
      });
    const post = `POST /live/runs HTTP/1.1\r\nHost: ${own}\r\nOrigin: http://${own}\r\n`;
    const slow = [
      ...Array.from({ length: 30 }, () => slowly(`GET / HTTP/1.1\r\nHost: ${own}\r\nA: `)),
      ...Array.from({ length: 30 }, () => slowly(`${post}Content-Length: 200000\r\n\r\n`)),
      ...Array.from({ length: 30 }, () => connected(port, () => {})),
    ];
    let cut = false;
    const all = Promise.all(slow).finally(() => {
      cut = true;
    });
    do expect((await ask(own, { path: "/" })).status).toBe(200);
    while (!cut);
    for (const text of await all) expect(text).not.toMatch(/^HTTP\/1\.1 2/);
    server.close();
  });

  test("that read nothing are cut off", async () => {
    await writeFile(path.join(build, "large.bin"), Buffer.alloc(30_000_000));
    const { server, port, own } = await impatient();
    server.timeout = 1_000;
    const socket = connect(port, "127.0.0.1").pause();
    socket.on("error", () => {});
    socket.write(`GET /large.bin HTTP/1.1\r\nHost: ${own}\r\n\r\n`);
    const open = () =>
      new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    await expect.poll(open, SOON).toBe(1);
    await expect.poll(open, SOON).toBe(0);
    socket.destroy();
    server.close();
  });

  test("with more connections than the limit are refused with a reason, and the server recovers", async () => {
    const { server, port, own } = await impatient();
    const sockets = Array.from({ length: 300 }, () => connect(port, "127.0.0.1"));
    const reported = await Promise.all(
      sockets.map(async (socket) => {
        socket.on("error", () => {}).setEncoding("utf8");
        socket.write(`GET / HTTP/1.1\r\nHost: ${own}\r\n\r\n`);
        const [text] = (await once(socket, "data")) as [string];
        return text;
      }),
    );
    for (const socket of sockets) socket.destroy();
    const count = (status: string) =>
      reported.filter((text) => text.startsWith(`HTTP/1.1 ${status}`));
    expect(count("503").length).toBeGreaterThanOrEqual(1);
    expect(count("200").length).toBeGreaterThanOrEqual(200);
    expect(count("200").length + count("503").length).toBe(300);
    expect((await ask(own, { path: "/" })).status).toBe(200);
    server.close();
  });

  test("that ask for a WebSocket and go away do no harm", async () => {
    const { server, letIn, origin } = await serveNoting();
    const port = Number(origin.split(":")[1]);
    const upgrade = `GET /ws HTTP/1.1\r\nHost: ${origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const all = Array.from({ length: scaled(50, 500) }, (_, index) =>
      connected(port, (socket) => {
        socket.write(upgrade, () => setTimeout(() => socket.resetAndDestroy(), index % 20));
      }),
    );
    await Promise.all(all);
    expect((await ask(origin, { path: "/" })).status).toBe(200);
    expect(letIn).toContain("GET /");
    server.close();
  });
});

test("a server that has no more files to open ends each run in words, and plays the next one", async ({
  onTestFinished,
}) => {
  const poor = spawn(
    process.execPath,
    [
      ...["--import", "@oxc-node/core/register", "src/cli/serve.ts", "--port", "0"],
      ...["--folder", build],
    ],
    {
      cwd: REPOSITORY,
      env: { ...process.env, TMPDIR: path.join(folder, "tmp") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  onTestFinished(() => {
    poor.kill("SIGKILL");
  });
  const [line] = await once(createInterface({ input: poor.stdout }), "line");
  const own = /http:\/\/(\S+?)\//.exec(line)?.[1] ?? "";
  const port = Number(own.split(":")[1]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const page = (target: string, method = "GET", body?: object) => {
    const headers = { ...pageHeaders(own, key), connection: "keep-alive" };
    return ask(own, { agent, path: target, method, headers, body: body && JSON.stringify(body) });
  };
  let key = "";
  key = META.exec((await page("/")).text)?.[1] ?? "";
  const run = { scenario: "rest-token", programs: ["python"] };

  const played = async () => {
    const { status, text } = await page("/live/runs", "POST", run);
    if (status !== 201) return text;
    return (await page(`/live/runs/${JSON.parse(text).id}/events`)).text;
  };
  const allow = (files: number) =>
    execa("prlimit", ["--pid", String(poor.pid), `--nofile=${files}:1024`]);

  for (const spare of [0, 2, 8]) {
    await allow(openFiles(poor.pid ?? 0).length + spare);
    const crowd = Array.from({ length: 100 }, () => connect(port, "127.0.0.1"));
    for (const socket of crowd) socket.on("error", () => {});
    expect(await played(), `${spare} more files`).toMatch(/EMFILE/);
    for (const socket of crowd) socket.destroy();
  }
  await allow(1024);
  await expect.poll(played, SOON).toContain('"how":"played"');
  expect(poor.exitCode).toBe(null);
  agent.destroy();
  poor.kill();
  await once(poor, "exit");
});
