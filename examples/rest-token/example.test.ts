import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { expect, test } from "vitest";
import { readExample, TWINS, type Twin } from "../../src/harness/example.ts";
import { endAfterEachTest } from "../../src/harness/live.ts";
import { descendants } from "../../src/harness/processes.ts";
import { readTwinFiles, startTwin } from "../../src/harness/twin.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "..");

const ended = endAfterEachTest();

async function start(twin: Twin): Promise<Orthanc> {
  return ended(await startTwin(await readExample("rest-token"), twin));
}

async function list(orthanc: Orthanc, dispatcher?: Agent) {
  const answer = await orthanc.request("/computation", dispatcher && { dispatcher });
  return { status: answer.status, body: await answer.json() };
}

test.each(TWINS)("%s: the worker sees what Orthanc has, without a password", async (twin) => {
  const orthanc = await start(twin);
  const direct = (await (await orthanc.request("/instances")).json()) as string[];
  expect(direct).toHaveLength(3);
  expect(await list(orthanc)).toEqual({ status: 200, body: direct.sort() });
});

test("without a token or a password Orthanc answers 401", async () => {
  const orthanc = await start("python");
  expect((await fetch(`${orthanc.url}/instances`)).status).toBe(401);
});

test.each(TWINS)("%s: calls after pauses of every length find Orthanc, too", async (twin) => {
  const orthanc = await start(twin);
  for (let pause = 700; pause < 1400; pause += 100) {
    const answers = await Promise.all([1, 2, 3, 4].map(() => list(orthanc)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    await sleep(pause);
  }
});

test.each(TWINS)("%s: 40 calls in turn share a few connections to Orthanc", async (twin) => {
  const orthanc = await start(twin);
  const dispatcher = new Agent({ keepAliveTimeoutThreshold: 100 });
  for (let call = 0; call < 40; call++) expect((await list(orthanc, dispatcher)).status).toBe(200);
  await dispatcher.destroy();
  // Each worker has one; so has this test, and so had Orthanc's start.
  expect(await connections(new URL(orthanc.url).port)).toBeLessThan(15);
});

/** How many TCP connections were made to a port: those open, and those closed in the last minute. */
async function connections(port: string): Promise<number> {
  const hex = Number(port).toString(16).toUpperCase().padStart(4, "0");
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n").slice(1);
  const ends = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state !== "0A");
  const clients = ends.flatMap(([, local = "", remote = ""]) =>
    remote.endsWith(`:${hex}`) ? [local] : local.endsWith(`:${hex}`) ? [remote] : [],
  );
  return new Set(clients).size;
}

test("both twins say 502 when Orthanc refuses the token", async () => {
  const example = await readExample("rest-token");
  const refused = { status: 502, body: { error: "Orthanc answered the worker with status 401" } };
  // The twin itself, or the bridge, in an Orthanc that never made the token it is given.
  const wrong = [
    "import orthanc",
    'orthanc.GenerateRestApiAuthorizationToken = lambda: "Bearer wrong"',
    "import real",
  ].join("\n");
  for (const [twin, script] of [
    ["python", "rest-token/plugin.py"],
    ["typescript", "bridge/bridge.py"],
  ] as const) {
    const real = await readFile(path.join(EXAMPLES, script), "utf8");
    const edited = { [path.basename(script)]: wrong, "real.py": real };
    expect(await list(ended(await startTwin(example, twin, { edited })))).toEqual(refused);
  }
});

/** A folder that goes with an Orthanc of its own. */
async function temporaryFolder(): Promise<string> {
  return ended(await startOrthanc()).folder;
}

test("undici as it comes makes a new connection for nearly each call", async () => {
  const orthanc = await start("python");
  const dispatcher = new Agent();
  for (let call = 0; call < 40; call++) await orthanc.request("/system", { dispatcher });
  await dispatcher.destroy();
  expect(await connections(new URL(orthanc.url).port)).toBeGreaterThan(35);
});

test("python: neither a proxy nor a .netrc file gets between a worker and Orthanc", async () => {
  const folder = await temporaryFolder();
  const netrc = path.join(folder, "netrc");
  await writeFile(netrc, "machine 127.0.0.1 login nobody password wrong\n", { mode: 0o600 });
  const environment = { NETRC: netrc, HTTP_PROXY: "http://127.0.0.1:9" };
  const example = await readExample("rest-token");
  const worker = (await readTwinFiles(example, "python"))["worker.py"] as string;
  const edited = { "worker.py": worker.replace("session.trust_env = False", "pass") };
  const [twin, changed] = await Promise.all([
    startTwin(example, "python", { environment }).then(ended),
    startTwin(example, "python", { environment, edited }).then(ended),
  ]);
  expect((await list(twin)).status).toBe(200);
  expect((await list(changed)).status).toBe(502);
});

test.each(TWINS)("%s: no token on a command line, in the log, or in a file", async (twin) => {
  const orthanc = await start(twin);
  await list(orthanc);
  const pids = [orthanc.pid, ...descendants(orthanc)];
  expect(pids.length).toBeGreaterThan(1);
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "latin1")));
  const entries = await readdir(orthanc.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map((file) => readFile(path.join(file.parentPath, file.name), "latin1")),
  );
  const token = /Bearer [0-9a-f]{8}-/;
  for (const text of [...lines, ...texts, await orthanc.log()]) expect(text).not.toMatch(token);
});

test.each(TWINS)("%s: a hundred calls at once leave threads for the workers", async (twin) => {
  const orthanc = await start(twin);
  const answers = await Promise.all(Array.from({ length: 100 }, () => list(orthanc)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(20);
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect((await list(orthanc)).status).toBe(200);
});
