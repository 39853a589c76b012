/** Orthanc with `SslEnabled`: what its plugins and their workers need to trust its certificate. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EXAMPLES, readProgram } from "../../src/catalogue/catalogue.ts";
import { readProgramFiles, readSharedFiles } from "../../src/catalogue/files.ts";
import { exists } from "../../src/fetch/wholeFolder.ts";
import { findNode } from "../../src/node/node.ts";
import { findOrthanc, type Release } from "../../src/orthanc/installation.ts";
import { type Certificates, makeCertificates } from "../../src/testing/certificates.ts";

const UNREACHABLE = { status: 502, body: { error: "the worker can't reach Orthanc" } };

let folder: string;
let certificates: Certificates;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "bridge-tls-"));
  certificates = await makeCertificates(folder);
});
afterEach(() => {
  for (const { pid } of started.splice(0)) {
    try {
      if (pid) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

interface Options {
  release?: Release;
  /** Orthanc's web server gets the function that OpenSSL 3 lacks. */
  repaired?: boolean;
  files?: Record<string, string>;
  environment?: Record<string, string>;
  configuration?: Record<string, unknown>;
}

/** Starts Debian's Orthanc with TLS, as `startOrthanc()` does without. */
async function start(options: Options) {
  const { release = "bookworm", repaired = true, files = {} } = options;
  const installation = await findOrthanc({ release });
  const home = await mkdtemp(path.join(folder, "orthanc-"));
  const [option = "", libraries = "", executable = ""] = installation.orthanc.args;
  const port = await getPort({ host: "127.0.0.1" });
  const configuration = {
    StorageDirectory: path.join(home, "storage"),
    HttpPort: port,
    DicomServerEnabled: false,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    SslEnabled: true,
    SslCertificate: certificates.server,
    ...(options.configuration && { Plugins: [installation.plugin] }),
    ...options.configuration,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(home, name), text);
  await symlink(path.resolve(EXAMPLES, "../node_modules"), path.join(home, "node_modules"));
  await writeFile(path.join(home, "orthanc.json"), JSON.stringify(configuration));
  const before = await prepareLibraries(home, libraries.split(":"), repaired);
  const orthanc = spawn(
    installation.orthanc.command,
    [option, `${before}:${libraries}`, executable, path.join(home, "orthanc.json")],
    {
      cwd: home,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ...installation.environment,
        PYTHONUNBUFFERED: "1",
        ...options.environment,
      },
    },
  );
  started.push(orthanc);
  let log = "";
  for (const stream of [orthanc.stdout, orthanc.stderr]) {
    stream.on("data", (data) => {
      log += data;
    });
  }
  while (!log.includes("Orthanc has started") && orthanc.exitCode === null) await sleep(25);
  const get = async (target: string, ca = certificates.authorityText) => {
    const dispatcher = new Agent({ connect: { ca } });
    try {
      const answer = await request(`https://127.0.0.1:${port}${target}`, { dispatcher });
      return { status: answer.statusCode, body: await answer.body.json() };
    } finally {
      await dispatcher.destroy();
    }
  };
  return { get, log: () => log, process: orthanc };
}

/**
 * Makes a folder of libraries that are loaded before others: OpenSSL under the names that `libssl-dev` brings, which
 * Orthanc's web server looks for; and that server itself, which calls a function by a name that OpenSSL 3 does not have.
 * Repaired, it calls one that returns the same if no client has a certificate: there is none.
 */
async function prepareLibraries(home: string, folders: string[], repaired: boolean) {
  const before = path.join(home, "libraries");
  await mkdir(before);
  for (const folder of folders) {
    for (const name of ["libssl.so", "libcrypto.so"]) {
      const library = path.join(folder, `${name}.3`);
      // A link, not a copy: else there would be two of them in one process.
      if (await exists(library)) await symlink(library, path.join(before, name));
    }
    const server = await readFile(path.join(folder, "libcivetweb.so.1"), "latin1").catch(() => "");
    if (!server || !repaired) continue;
    const missing = "\0SSL_get_peer_certificate\0";
    expect(server).toContain(missing);
    const text = server.replaceAll(missing, "\0SSL_get_peer_cert_chain\0\0");
    await writeFile(path.join(before, "libcivetweb.so.1"), text, "latin1");
  }
  return before;
}

/** The TypeScript twin whose worker calls Orthanc by token: what it answers. */
async function playTypescript(environment: Record<string, string>) {
  const files = await readProgramFiles(await readProgram("rest-token", "typescript"));
  const { get, log } = await start({
    files: {
      ...files,
      "package.json": '{ "type": "module" }',
      ...(await readSharedFiles("typescript")),
    },
    environment: { ...(await findNode()).environment, ...environment },
    configuration: {
      PythonScript: "bridge.py",
      Node: { Script: "plugin.ts", Routes: ["/computation"] },
    },
  });
  return { answer: await get("/computation"), log };
}

/** The Python twin, with a line added after it makes its session. */
async function playPython(environment: Record<string, string>, added = "") {
  const files = await readProgramFiles(await readProgram("rest-token", "python"));
  const line = "    session.trust_env = False\n";
  const { "worker.py": worker = "" } = files;
  expect(worker).toContain(line);
  const { get, log } = await start({
    files: {
      ...(await readSharedFiles("python")),
      ...files,
      "worker.py": worker.replace(line, line + added),
    },
    environment,
    configuration: { PythonScript: "plugin.py" },
  });
  return { answer: await get("/computation"), log };
}

const FOUND = { status: 200, body: [] };

describe("a TypeScript plugin", () => {
  test("without NODE_EXTRA_CA_CERTS does not reach Orthanc", async () => {
    const { answer, log } = await playTypescript({});
    expect(answer).toEqual(UNREACHABLE);
    // What Node prints may come after its answer.
    await expect.poll(log).toContain("unable to verify the first certificate");
  });

  test("with NODE_EXTRA_CA_CERTS in Orthanc's environment reaches it", async () => {
    const { answer } = await playTypescript({ NODE_EXTRA_CA_CERTS: certificates.authority });
    expect(answer).toEqual(FOUND);
  });
});

describe("a Python worker", () => {
  test("without the authority's file does not reach Orthanc", async () => {
    const { answer, log } = await playPython({});
    expect(answer).toEqual(UNREACHABLE);
    await expect.poll(log).toContain("SSLError");
  });

  test("that trusts no environment does not reach it with REQUESTS_CA_BUNDLE either", async () => {
    const { answer, log } = await playPython({ REQUESTS_CA_BUNDLE: certificates.authority });
    expect(answer).toEqual(UNREACHABLE);
    await expect.poll(log).toContain("SSLError");
  });

  test("with session.verify reaches it", async () => {
    const added = `    session.verify = "${certificates.authority}"\n`;
    expect((await playPython({}, added)).answer).toEqual(FOUND);
  });

  test("that trusts its environment reaches it with REQUESTS_CA_BUNDLE", async () => {
    const environment = { REQUESTS_CA_BUNDLE: certificates.authority };
    const { answer } = await playPython(environment, "    session.trust_env = True\n");
    expect(answer).toEqual(FOUND);
  });
});

test("the certificate must name 127.0.0.1, no matter which authority has signed it", async () => {
  const other = await makeCertificates(await mkdtemp(path.join(folder, "other-")), "IP:127.0.0.2");
  const { get } = await start({ configuration: { SslCertificate: other.server, Plugins: [] } });
  await expect(get("/system", other.authorityText)).rejects.toThrow("does not match");
});

test.each(["bookworm", "trixie"] as const)(
  "Debian's own Orthanc (%s) does not survive its first HTTPS request",
  async (release) => {
    const { get, process: orthanc } = await start({ release, repaired: false });
    const ended = once(orthanc, "exit", { signal: AbortSignal.timeout(30_000) });
    await expect(get("/system")).rejects.toThrow();
    const [, signal] = await ended;
    expect(signal).toBe("SIGSEGV");
  },
);
