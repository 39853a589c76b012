/** How Orthanc and Node end: whatever the order, nothing is left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import getPort from "get-port";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { environmentVariable, processIds, statusField } from "../../src/linux/processes.js";
import { findOrthanc } from "../../src/orthanc/installation.ts";

const loader = createRequire(import.meta.url)
  .resolve("@oxc-node/core")
  .replace(/index\.js$/, "register.mjs");
const fixture = path.join(import.meta.dirname, "fixtures/plugin.ts");

/** Holds the storage, the log and the temporary files of a test's Orthancs. */
let folder: string;
let started: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "bridge-"));
  started = [];
});
afterEach(async () => {
  for (const orthanc of started) if (orthanc.pid) kill(-orthanc.pid, "SIGKILL");
  for (const pid of leftProcesses()) kill(pid, "SIGKILL");
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Options {
  /** The section "Node" of the configuration. */
  node?: unknown;
  environment?: Record<string, string>;
  configuration?: Record<string, unknown>;
}

/**
 * An Orthanc without the guard of `startOrthanc()`, which would clean up what the bridge has to. Ready when it
 * answers or has ended.
 */
async function start(options: Options = {}) {
  const installation = await findOrthanc();
  const http = await getPort({ host: "127.0.0.1" });
  const dicom = await getPort({ host: "127.0.0.1" });
  const configuration = {
    StorageDirectory: path.join(folder, "storage"),
    HttpPort: http,
    DicomPort: dicom,
    // It takes a second to end.
    DicomServerEnabled: false,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    Plugins: [installation.plugin],
    PythonScript: path.join(import.meta.dirname, "bridge.py"),
    Node: options.node ?? { Script: fixture, Routes: ["/bridge/(.*)"] },
    ...options.configuration,
  };
  const file = path.join(folder, `${http}.json`);
  await writeFile(file, JSON.stringify(configuration));
  await mkdir(path.join(folder, "tmp"), { recursive: true });
  const { command, args } = installation.orthanc;
  const orthanc = spawn(command, [...args, file], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...installation.environment,
      NODE_OPTIONS: process.features.typescript ? "" : `--import=${pathToFileURL(loader)}`,
      TMPDIR: path.join(folder, "tmp"),
      JOURNAL: path.join(folder, "journal"),
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
      ...options.environment,
    },
  });
  started.push(orthanc);
  let log = "";
  for (const stream of [orthanc.stdout, orthanc.stderr]) {
    stream.on("data", (data) => {
      log += data;
    });
  }
  const ended = once(orthanc, "exit").then(([code, signal]) => signal ?? code);
  const request = (target: string) => fetch(`http://127.0.0.1:${http}${target}`);
  const answers = async () => {
    while (orthanc.exitCode === null) {
      if (
        await request("/system").then(
          (response) => response.ok,
          () => false,
        )
      )
        return;
      await sleep(25);
    }
  };
  await answers();
  const pid = orthanc.pid ?? 0;
  // It answers a moment before it minds signals.
  await vi.waitFor(() => expect(catches(pid, constants.signals.SIGTERM)).toBe(true));
  return { pid, port: http, ended, request, log: () => log };
}

/** Tells if a process has a handler for a signal, or has ended. */
function catches(pid: number, signal: number): boolean {
  const caught = statusField(pid, "SigCgt");
  return caught === undefined || (BigInt(`0x${caught}`) & (1n << BigInt(signal - 1))) !== 0n;
}

function kill(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}

/** The processes that inherited the environment of a test's Orthanc, but no Orthanc itself. */
function leftProcesses(): number[] {
  return processIds().filter(
    (pid) =>
      environmentVariable(pid, "TMPDIR")?.startsWith(`${folder}/`) &&
      !started.some((orthanc) => orthanc.pid === pid),
  );
}

const leftFolders = () => readdir(path.join(folder, "tmp"));
const journal = () => readFile(path.join(folder, "journal"), "utf8").catch(() => "");

/** Waits until nothing is left, and fails if something stays. */
async function expectNothingLeft() {
  await vi.waitFor(async () => expect(leftProcesses()).toEqual([]), 3_000);
  expect(await leftFolders()).toEqual([]);
}

async function nodeOf(orthanc: { request(target: string): Promise<Response> }): Promise<number> {
  const response = await orthanc.request("/bridge/echo");
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return (JSON.parse(text) as { pid: number }).pid;
}

describe("Orthanc ends", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("of %s: so does Node", async (signal) => {
    const orthanc = await start();
    const node = await nodeOf(orthanc);
    process.kill(orthanc.pid, signal);
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
    expect(await journal()).toContain(`SIGTERM ${node}\n`);
    expect(orthanc.log()).toMatch(/Node has ended \(exit code 0\)$/m);
  });

  it("of Ctrl-C in its terminal: only the bridge signals Node", async () => {
    const orthanc = await start();
    await nodeOf(orthanc);
    process.kill(-orthanc.pid, "SIGINT");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
    expect(await journal()).not.toContain("SIGINT");
  });

  it("while Node does not: Node is killed, and what it started", async () => {
    const orthanc = await start({ environment: { STUBBORN: "1", CHILD: "1" } });
    await nodeOf(orthanc);
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
    expect(orthanc.log()).toContain("Node has not ended within 5 seconds, and is killed");
  });

  it("while a request is under way: 502, and no delay", async () => {
    const orthanc = await start();
    await nodeOf(orthanc);
    const answer = orthanc.request("/bridge/wait/20000");
    await sleep(200);
    process.kill(orthanc.pid, "SIGTERM");
    expect((await answer).status).toBe(502);
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });

  it("while Node is starting", async () => {
    const orthanc = await start();
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });

  it("while Node waits for its next start", async () => {
    const orthanc = await start();
    process.kill(await nodeOf(orthanc), "SIGKILL");
    await vi.waitFor(() => expect(orthanc.log()).toContain("next start"));
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });

  it("of SIGKILL: Node ends by itself, and the next start removes the socket's folder", async () => {
    const first = await start();
    const node = await nodeOf(first);
    process.kill(first.pid, "SIGKILL");
    await first.ended;
    await vi.waitFor(async () => expect(leftProcesses()).toEqual([]), 3_000);
    expect(await journal()).toContain(`end of input ${node}\n`);
    const left = await leftFolders();
    expect(left).toHaveLength(1);

    const second = await start();
    await nodeOf(second);
    expect(await leftFolders()).not.toContain(left[0]);
    process.kill(second.pid, "SIGTERM");
    await second.ended;
    await expectNothingLeft();
  });

  it("not: its folder stays when another one starts", async () => {
    const first = await start();
    await nodeOf(first);
    const second = await start({ configuration: { StorageDirectory: path.join(folder, "other") } });
    await nodeOf(second);
    expect(await leftFolders()).toHaveLength(2);
    await nodeOf(first);
  });

  it("and starts anew within its process: with one new Node", async () => {
    const orthanc = await start();
    const node = await nodeOf(orthanc);
    await fetch(`http://127.0.0.1:${orthanc.port}/tools/reset`, { method: "POST", body: "" });
    await vi.waitFor(async () => expect(await nodeOf(orthanc)).not.toBe(node), 10_000);
    expect(leftProcesses()).toEqual([await nodeOf(orthanc)]);
    expect(await leftFolders()).toHaveLength(1);
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });

  it("at once, for a socket's path would be too long", async () => {
    const TMPDIR = path.join(folder, "tmp", "x".repeat(60));
    await mkdir(TMPDIR, { recursive: true });
    const orthanc = await start({ environment: { TMPDIR } });
    expect(await orthanc.ended).not.toBe(0);
    expect(orthanc.log()).toContain("too long for a socket");
    expect(await readdir(TMPDIR)).toEqual([]);
    expect(leftProcesses()).toEqual([]);
  });

  it("before it has started, because its port is taken", async () => {
    const server = createServer().listen(0);
    await once(server, "listening");
    const address = server.address();
    const HttpPort = typeof address === "object" ? address?.port : 0;
    const orthanc = await start({ configuration: { HttpPort } });
    server.close();
    expect(await orthanc.ended).not.toBe(0);
    expect(orthanc.log()).toContain("already in use");
    await expectNothingLeft();
  });
});

describe("Node", () => {
  const script = async (name: string, text: string) => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    return file;
  };

  it.each([
    ["ends at once", "process.exit(7);", "exit code 7"],
    ["has a syntax error", "const = ;", "exit code 1"],
    ["kills itself", "process.kill(process.pid, 'SIGKILL');", "signal SIGKILL"],
  ])("%s: 502, and starts with pauses that grow", async (_, text, end) => {
    const Script = await script("plugin.mjs", text);
    const orthanc = await start({ node: { Script, Routes: ["/bridge/(.*)"] } });
    await vi.waitFor(() => expect(orthanc.log()).toContain("next start in 1 seconds"), 15_000);
    const lines = orthanc.log().match(/Node has ended .*/g) ?? [];
    expect(lines.slice(0, 3)).toEqual(
      ["0.25", "0.5", "1"].map(
        (pause) => `Node has ended (${end}), next start in ${pause} seconds`,
      ),
    );
    const response = await orthanc.request("/bridge/echo");
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({ error: `Node is not running (${end})` });
    if (end === "exit code 1") expect(orthanc.log()).toMatch(/SyntaxError|Failed to parse/);
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });

  it("listens late: the first request waits for it", async () => {
    const text = `setTimeout(() => import(${JSON.stringify(pathToFileURL(fixture))}), 1500);`;
    const Script = await script("plugin.mjs", text);
    const orthanc = await start({ node: { Script, Routes: ["/bridge/(.*)"] } });
    await nodeOf(orthanc);
  });

  it("never listens: 504", async () => {
    const Script = await script("plugin.mjs", "process.stdin.resume();");
    const node = { Script, Routes: ["/bridge/(.*)"], TimeoutSeconds: 1 };
    const orthanc = await start({ node });
    const response = await orthanc.request("/bridge/echo");
    expect(response.status, orthanc.log()).toBe(504);
    expect(await response.json()).toEqual({ error: "Node did not answer within 1 seconds" });
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });

  it("loses its script and its executable: starts again when they are back", async () => {
    const Script = await script("plugin.mjs", `import ${JSON.stringify(pathToFileURL(fixture))};`);
    const Executable = await script("node", `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
    await chmod(Executable, 0o755);
    const orthanc = await start({ node: { Script, Executable, Routes: ["/bridge/(.*)"] } });
    const node = await nodeOf(orthanc);
    await rename(Executable, `${Executable}-away`);
    process.kill(node, "SIGKILL");
    await vi.waitFor(() => expect(orthanc.log()).toMatch(/Node has ended \(.*No such file/));
    expect((await orthanc.request("/bridge/echo")).status).toBe(502);
    await rename(Executable, `${Executable}-away`).catch(() => {});
    await cp(`${Executable}-away`, Executable);
    await vi.waitFor(() => nodeOf(orthanc), 15_000);
    await unlink(Script);
    process.kill(await nodeOf(orthanc), "SIGKILL");
    await vi.waitFor(() => expect(orthanc.log()).toContain("Cannot find module"), 15_000);
    process.kill(orthanc.pid, "SIGTERM");
    expect(await orthanc.ended).toBe(0);
    await expectNothingLeft();
  });
});

describe("a configuration that can't work keeps Orthanc from starting:", () => {
  const Script = fixture;
  const Routes = ["/bridge"];
  it.each([
    ["no section", null, '"Node" must be there'],
    ["no script", { Routes }, '"Node.Script" must name a file'],
    ["an empty script", { Script: "", Routes }, '"Node.Script" must name a file'],
    ["a missing script", { Script: "none.ts", Routes }, /"Node.Script" names .*\/bridge\/none.ts/],
    ["a folder for a script", { Script: "fixtures", Routes }, '"Node.Script" names'],
    ["no routes", { Script }, '"Node.Routes" must list routes'],
    ["an empty list of routes", { Script, Routes: [] }, '"Node.Routes" must list routes'],
    ["a route that is not a path", { Script, Routes: ["x"] }, '"Node.Routes" has "x"'],
    ["a route that is not a string", { Script, Routes: [1] }, '"Node.Routes" has 1'],
    ["a route that is not a regular expression", { Script, Routes: ["/("] }, "regular expression"],
    [
      "a missing executable",
      { Script, Routes, Executable: "none" },
      '"Node.Executable" names none',
    ],
    ["a strange executable", { Script, Routes, Executable: 1 }, '"Node.Executable" must name'],
    ["no time", { Script, Routes, TimeoutSeconds: 0 }, '"Node.TimeoutSeconds" must be a number'],
    ["an endless time", { Script, Routes, TimeoutSeconds: 1e9 }, "above zero, up to 2000000"],
    ["a strange time", { Script, Routes, TimeoutSeconds: true }, '"Node.TimeoutSeconds" must be'],
    ...[0, 2.5, true, "2"].map((value): [string, object, string] => [
      `${JSON.stringify(value)} calls at once`,
      { Script, Routes, CallsAtOnce: value },
      '"Node.CallsAtOnce" must be a whole number above zero',
    ]),
    ["an unknown setting", { Script, Routes, Timeout: 1 }, '"Node.Timeout" is unknown'],
  ])("%s", async (_, node, message) => {
    const orthanc = await start(node ? { node } : { configuration: { Node: undefined } });
    expect(await orthanc.ended).not.toBe(0);
    expect(orthanc.log()).toMatch(message);
    await expectNothingLeft();
  });
});
