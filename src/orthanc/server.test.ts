import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import getPort from "get-port";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { commandLine, isRunning, readProcess } from "../linux/processes.js";
import { startCaller } from "../testing/caller.ts";
import { leftovers, occupiedBy, processesIn } from "../testing/leftovers.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "./server.ts";
import { StartError } from "./startError.ts";

/** How soon everything is gone without a call of `stop`, in milliseconds. */
const SOON = { timeout: 15_000, interval: 100 };

let root: string;
let started: { kill(): unknown }[] = [];

// Orthanc's folder is created in the system's folder of temporary files. Here, each test has its own.
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "server-"));
  await mkdir(path.join(root, "tmp"));
  vi.stubEnv("TMPDIR", path.join(root, "tmp"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(started.map((one) => one.kill()));
  started = [];
  expect(processesIn(root)).toEqual([]);
  await rm(root, { recursive: true });
});

/** Starts an Orthanc that is killed at the end of the test, even if the test fails. */
async function start(options?: OrthancOptions): Promise<Orthanc> {
  const orthanc = await startOrthanc(options);
  started.push(orthanc);
  return orthanc;
}

/** Writes a plugin's script and returns its path. */
async function script(text: string): Promise<string> {
  const file = path.join(root, "plugin.py");
  await writeFile(file, text);
  return file;
}

describe("a started Orthanc", () => {
  test("answers with its credentials, and not without them", async () => {
    const orthanc = await start();
    const system = await orthanc.request("/system");
    expect(system.status).toBe(200);
    expect(await system.json()).toMatchObject({ Name: "Orthanc Twins" });

    const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });
    const { url, user, password } = orthanc;
    const statusWith = async (headers: Record<string, string>) =>
      (await fetch(`${url}/system`, { headers })).status;
    expect(await statusWith(basic(`${user}:${password}`))).toBe(200);
    expect(await statusWith({})).toBe(401);
    expect(await statusWith(basic(`${user}:${password}x`))).toBe(401);
    expect(await statusWith(basic("orthanc:orthanc"))).toBe(401);
  });

  test("keeps its storage, log and configuration in its private folder", async () => {
    const orthanc = await start();
    expect(path.dirname(orthanc.folder)).toBe(path.join(root, "tmp"));
    expect((await stat(orthanc.folder)).mode & 0o777).toBe(0o700);
    const file = path.join(orthanc.folder, "orthanc.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const configuration = JSON.parse(await readFile(file, "utf8"));
    expect(configuration).toMatchObject({
      StorageDirectory: path.join(orthanc.folder, "storage"),
      RegisteredUsers: { [orthanc.user]: orthanc.password },
    });
    expect(await readdir(path.join(orthanc.folder, "storage"))).toContain("index");
    const log = await orthanc.log();
    expect(log).toMatch(/Orthanc has started/);
    expect(await readFile(path.join(orthanc.folder, "orthanc.log"), "utf8")).toContain(log);
  });

  test("has its password on no command line", async () => {
    const orthanc = await start();
    const commands = processesIn(orthanc.folder);
    expect(commands.some((command) => command.startsWith(`process ${orthanc.pid}:`))).toBe(true);
    expect(commands.filter((command) => command.includes(orthanc.password))).toEqual([]);
  });

  test("stores a DICOM file that is sent over the network", async () => {
    const orthanc = await start();
    const { testFiles } = orthanc.installation;
    await orthanc.send([
      path.join(testFiles, "CT_small.dcm"),
      path.join(testFiles, "MR_small.dcm"),
    ]);
    const instances = (await (await orthanc.request("/instances?expand")).json()) as object[];
    const uids = instances.map((i) => (i as { MainDicomTags: object }).MainDicomTags);
    expect(uids).toHaveLength(2);
    expect(uids).toContainEqual(
      expect.objectContaining({
        SOPInstanceUID: "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
      }),
    );
    await expect(orthanc.send([import.meta.filename])).rejects.toThrow();
  });

  test.each([
    ["findscu", "bookworm", "-P"],
    ["getscu", "bookworm", "-P"],
    ["getscu", "trixie", "-P"],
    ["movescu", "bookworm", "-P", "-aem", "MODALITY"],
  ] as const)("sends no DICOM file over the network: %s", async (program, release, ...options) => {
    const orthanc = await start({ release });
    const { dcmsend, environment, testFiles } = orthanc.installation;
    await orthanc.send([path.join(testFiles, "CT_small.dcm")]);
    const beside = (file: string) => file.replace(/dcmsend$/, program);
    const who = ["-v", "-aet", "MODALITY", "-aec", "ORTHANC", ...options];
    const keys = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=1CT1"];
    const { all } = await execa(
      beside(dcmsend.command),
      [...dcmsend.args.map(beside), ...who, ...keys, "127.0.0.1", String(orthanc.ports.dicom)],
      { env: environment, reject: false, all: true, cwd: orthanc.folder },
    );
    expect(all).toContain("Peer aborted Association");
  });

  test("takes settings, a script and an environment of its caller's", async () => {
    const orthanc = await start({
      script: await script(`
import os, orthanc
def answer(output, uri, **request):
    output.AnswerBuffer(os.environ["GREETING"] + " from " + os.environ["TMPDIR"], "text/plain")
orthanc.RegisterRestCallback("/greeting", answer)
`),
      configuration: { Name: "Another name" },
      environment: { GREETING: "Hello" },
    });
    const greeting = await orthanc.request("/greeting");
    expect(await greeting.text()).toBe(`Hello from ${orthanc.folder}/tmp`);
    const system = await orthanc.request("/system");
    expect(await system.json()).toMatchObject({ Name: "Another name" });
  });

  test("takes no Python's settings and no proxy of its caller's environment", async () => {
    // No program listens on port 1. Orthanc would load a module of another Python instead of its own.
    for (const name of ["http_proxy", "HTTP_PROXY"]) vi.stubEnv(name, "http://127.0.0.1:1");
    const others = path.join(root, "python");
    await mkdir(others);
    await writeFile(path.join(others, "requests.py"), "raise ImportError('of another Python')");
    vi.stubEnv("PYTHONPATH", others);
    const orthanc = await start({
      script: await script(`
import json, requests, orthanc
port = json.loads(orthanc.GetConfiguration())["HttpPort"]
def answer(output, uri, **request):
    status = requests.get(f"http://127.0.0.1:{port}/system").status_code
    output.AnswerBuffer(str(status), "text/plain")
orthanc.RegisterRestCallback("/ask", answer)
`),
    });
    // Without credentials, Orthanc itself refuses.
    expect(await (await orthanc.request("/ask")).text()).toBe("401");
  });

  test("can be that of another release, with the Python and the DCMTK that belong to it", async () => {
    const orthanc = await start({
      release: "trixie",
      script: await script(`
import sys, pydicom, requests, orthanc
def answer(output, uri, **request):
    output.AnswerBuffer("Python %d.%d" % sys.version_info[:2], "text/plain")
orthanc.RegisterRestCallback("/python", answer)
`),
    });
    expect(orthanc.installation.release).toBe("trixie");
    const system = (await (await orthanc.request("/system")).json()) as { Version: string };
    expect(system.Version).toMatch(/^1\.12\./);
    expect(await (await orthanc.request("/python")).text()).toBe("Python 3.13");
    await orthanc.send([path.join(orthanc.installation.testFiles, "CT_small.dcm")]);
    expect(await (await orthanc.request("/instances")).json()).toHaveLength(1);
  });

  test("needs no certificates of the machine's own: Python's requests has those of its packages", async ({
    skip,
  }) => {
    // In a new mount namespace, in which the machine's certificates are hidden.
    const bare = [
      "--map-root-user",
      "--mount",
      "sh",
      "-c",
      'mount -t tmpfs none /etc/ssl && exec "$@"',
    ];
    const trial = await execa("unshare", [...bare, "sh", "true"], { reject: false });
    if (trial.failed) {
      console.warn(`Skipped: no view of the files of a test's own. ${trial.shortMessage}`);
      skip(`no view of the files of a test's own: ${trial.shortMessage}`);
    }
    const plugin = await script(
      "import certifi, requests\nprint('certificates:', certifi.where())",
    );
    const caller = await call(
      `const orthanc = await startOrthanc({ release: "trixie", script: ${JSON.stringify(plugin)} });
writeSync(1, /certificates: .*/.exec(await orthanc.log()) + "\\n");`,
      ["unshare", ...bare, "sh"],
    );
    expect(await caller.line).toMatch(/^certificates: .*\/\.orthanc\/.*\/ca-certificates\.crt$/);
    caller.process.kill("SIGTERM");
    await caller.guardEnded;
  });

  test("can be one of several", async () => {
    const both = await Promise.all([start(), start()]);
    const ports = both.flatMap((orthanc) => Object.values(orthanc.ports));
    expect(new Set(ports).size).toBe(4);
    const [one, other] = both;
    expect(one.folder).not.toBe(other.folder);
    expect(one.password).not.toBe(other.password);
    for (const { request } of both) expect((await request("/system")).status).toBe(200);
    await one.kill();
    expect((await other.request("/system")).status).toBe(200);
  });
});

describe("an Orthanc that is started again", () => {
  test("is another process on the same port and folder", async () => {
    const orthanc = await start();
    const { pid } = orthanc;
    await orthanc.restart();
    expect(orthanc.pid).not.toBe(pid);
    expect(isRunning(pid)).toBe(false);
    expect((await orthanc.request("/system")).status).toBe(200);
    expect((await orthanc.log()).match(/Orthanc has started/g)).toHaveLength(2);
    const occupied = occupiedBy(orthanc);
    await orthanc.kill();
    expect(leftovers(occupied)).toEqual([]);
  });

  test("says why it does not start, and leaves nothing", async () => {
    const file = await script(
      "import os\nif os.path.exists('twice'): raise Exception('no second time')\nopen('twice', 'w')",
    );
    const orthanc = await start({ script: file });
    await expect(orthanc.restart()).rejects.toThrow(/no second time/);
    expect(leftovers(occupiedBy(orthanc))).toEqual([]);
  });
});

test("an Orthanc does not outlive its guard", async () => {
  const orthanc = await start();
  const guard = readProcess(orthanc.pid)?.parent ?? 0;
  expect(commandLine(guard)).toContain("guard.js");
  process.kill(guard, "SIGKILL");
  expect(await orthanc.ended).toBe("its guard was killed");
  await expect.poll(() => leftovers(occupiedBy(orthanc)), SOON).toEqual([]);
});

describe("an Orthanc that does not start says why in the words of its log, and leaves nothing", () => {
  test.each([
    ["the script raises", 'raise RuntimeError("no bananas today")', "no bananas today"],
    ["the script is no Python", "def (:", "SyntaxError"],
    ["the script ends the process", "import os; os._exit(3)", "exit code 3"],
    ["there is no such script", undefined, "plugin.py"],
  ])("%s", async (_, text, reason) => {
    const file = text === undefined ? path.join(root, "plugin.py") : await script(text);
    const failure = await startOrthanc({ script: file }).catch((error) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect(failure.message).toMatch(/^Orthanc did not start \(exit code -?\d+\)\. Its log:\n/);
    expect(failure.message).toContain(reason);
    expect(processesIn(root)).toEqual([]);
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  });
});

describe("a port that another program takes before Orthanc does", () => {
  /** A plugin that takes the port itself, in that many starts: plugins load before Orthanc listens. */
  const taking = (setting: string, times: number) =>
    script(`
import json, os, socket, orthanc
count = os.path.join("${root}", "count")
with open(count, "a") as file:
    file.write("x")
if os.path.getsize(count) <= ${times}:
    taken = socket.socket()
    taken.bind(("127.0.0.1", json.loads(orthanc.GetConfiguration())["${setting}"]))
    taken.listen()
`);
  const starts = async () => (await stat(path.join(root, "count"))).size;

  test.each(["HttpPort", "DicomPort"])("is replaced by another one: %s", async (setting) => {
    const orthanc = await start({ script: await taking(setting, 1) });
    expect((await orthanc.request("/system")).status).toBe(200);
    expect(await starts()).toBe(2);
    expect(await readdir(path.join(root, "tmp"))).toEqual([path.basename(orthanc.folder)]);
  });

  test("each time is reported after the fifth attempt", async () => {
    const failure = await start({ script: await taking("HttpPort", 100) }).catch((error) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect(failure.message).toMatch(/TCP port of the HTTP server is .*already in use/);
    expect(await starts()).toBe(5);
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  });

  test("that its caller has chosen is reported at once", async () => {
    const failure = await start({
      script: await taking("DicomPort", 100),
      configuration: { DicomPort: await getPort() },
    }).catch((error) => error);
    expect(failure.message).toMatch(/TCP port of the DICOM server is .*already in use/);
    expect(await starts()).toBe(1);
  });
});

test("an Orthanc that can't have a folder says so", async () => {
  vi.stubEnv("TMPDIR", path.join(root, "nowhere"));
  const failure = await startOrthanc().catch((error) => error);
  expect(failure).toBeInstanceOf(StartError);
  expect(failure.message).toMatch(/no such file or directory.*nowhere/);
});

test("a caller whose Orthanc does not start can end", async () => {
  const plugin = await script('raise RuntimeError("no bananas today")');
  const caller = await call(`await startOrthanc({ script: ${JSON.stringify(plugin)} }).catch(
  (error) => writeSync(1, error.name + "\\n"),
);`);
  expect(await caller.line).toBe("StartError");
  await expect.poll(() => caller.process.exitCode, { timeout: 5_000 }).toBe(0);
});

test.each([0, 30, 60, 90, 120, 150])(
  "nothing is left of an Orthanc whose caller is killed %i ms after it began to start",
  async (delay) => {
    const caller = await call(`setTimeout(() => process.kill(process.pid, "SIGKILL"), ${delay});
await startOrthanc();`);
    expect(await caller.end).toBe("SIGKILL");
    await caller.guardEnded;
    await expect.poll(() => processesIn(root), SOON).toEqual([]);
    await expect.poll(() => readdir(path.join(root, "tmp")), SOON).toEqual([]);
  },
);

/** Runs a program that uses `startOrthanc`, and is killed at the end of the test. */
async function call(program: string, before?: string[]) {
  const caller = await startCaller(root, program, before);
  started.push({ kill: () => caller.process.kill("SIGKILL") });
  return caller;
}

test("without an open file left, an Orthanc does not start, and says so; with some, it does", async () => {
  const program = `
import { closeSync, openSync } from "node:fs";
import { startOrthanc } from "${pathToFileURL(path.join(import.meta.dirname, "server.ts"))}";
// Everything has been loaded by then.
await (await startOrthanc()).kill();
const open = [];
try { for (;;) open.push(openSync("/dev/null")); } catch {}
for (const file of open.splice(-3)) closeSync(file);
console.log(await startOrthanc().catch((error) => error.message));
for (const file of open) closeSync(file);
await (await startOrthanc()).kill();
console.log("It has started.");
`;
  const { stdout } = await execa("sh", [
    ...["-c", 'ulimit -n 100; exec "$@"', "sh", process.execPath],
    ...["--import", "@oxc-node/core/register", "--input-type=module", "--eval", program],
  ]);
  expect(stdout).toMatch(/^Orthanc's guard did not start .*EMFILE.*\nIt has started\.$/);
});
