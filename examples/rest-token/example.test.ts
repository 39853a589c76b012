import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { expect, test } from "vitest";
import { commandLine, descendants } from "../../src/linux/processes.js";
import { LISTEN, portIn, tcpSockets } from "../../src/linux/sockets.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "..");

const { startExample, track } = useOrthancs();

const start = (twin: Language) => startExample("rest-token", twin);

async function list(orthanc: Orthanc, dispatcher?: Agent) {
  const answer = await orthanc.request("/computation", dispatcher && { dispatcher });
  return { status: answer.status, body: await answer.json() };
}

test.each(LANGUAGES)("%s: the worker sees what Orthanc has, without a password", async (twin) => {
  const orthanc = await start(twin);
  const direct = (await (await orthanc.request("/instances")).json()) as string[];
  expect(direct).toHaveLength(3);
  expect(await list(orthanc)).toEqual({ status: 200, body: direct.sort() });
});

test("without a token or a password Orthanc answers 401", async () => {
  const orthanc = await start("python");
  expect((await fetch(`${orthanc.url}/instances`)).status).toBe(401);
});

test("both twins: calls after pauses of every length find Orthanc, too", async () => {
  const callAfter = async (twin: Language, pauses: number[]) => {
    const orthanc = await start(twin);
    for (const pause of [0, ...pauses]) {
      await sleep(pause);
      const answers = await Promise.all([1, 2, 3, 4].map(() => list(orthanc)));
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    }
  };
  // Orthanc closes a connection that is idle for a second.
  const pauses = [
    [700, 900, 1100, 1300],
    [800, 1000, 1200],
  ];
  await Promise.all(LANGUAGES.flatMap((twin) => pauses.map((some) => callAfter(twin, some))));
});

test.each(LANGUAGES)(
  "%s: 40 calls, one after another, share a few connections to Orthanc",
  async (twin) => {
    const orthanc = await start(twin);
    const dispatcher = new Agent({ keepAliveTimeoutThreshold: 100 });
    for (let call = 0; call < 40; call++)
      expect((await list(orthanc, dispatcher)).status).toBe(200);
    await dispatcher.destroy();
    // Each worker has one; so has this test, and so had Orthanc's start.
    expect(connections(orthanc.ports.http)).toBeLessThan(15);
  },
);

/** How many TCP connections were made to a port: those open, and those closed in the last minute. */
function connections(port: number): number {
  const clients = tcpSockets().flatMap(({ local, remote, state }) => {
    if (state === LISTEN) return [];
    return portIn(remote) === port ? [local] : portIn(local) === port ? [remote] : [];
  });
  return new Set(clients).size;
}

test("both twins say 502 when Orthanc refuses the token", async () => {
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
    expect(await list(await startExample("rest-token", twin, { edited }))).toEqual(refused);
  }
});

/** A folder for a separate Orthanc. */
async function temporaryFolder(): Promise<string> {
  return track(await startOrthanc()).folder;
}

test("undici as it comes makes a new connection for nearly each call", async () => {
  const orthanc = await start("python");
  const dispatcher = new Agent();
  for (let call = 0; call < 40; call++) await orthanc.request("/system", { dispatcher });
  await dispatcher.destroy();
  expect(connections(orthanc.ports.http)).toBeGreaterThan(35);
});

test("python: neither a proxy nor a .netrc file gets between a worker and Orthanc", async () => {
  const folder = await temporaryFolder();
  const netrc = path.join(folder, "netrc");
  await writeFile(netrc, "machine 127.0.0.1 login nobody password wrong\n", { mode: 0o600 });
  const environment = { NETRC: netrc, HTTP_PROXY: "http://127.0.0.1:9" };
  const replace = { "session.trust_env = False": "pass" };
  const [twin, changed] = await Promise.all([
    startExample("rest-token", "python", { environment }),
    startExample("rest-token", "python", { environment, replace }),
  ]);
  expect((await list(twin)).status).toBe(200);
  expect((await list(changed)).status).toBe(502);
});

test.each(LANGUAGES)("%s: no token on a command line, in the log, or in a file", async (twin) => {
  const orthanc = await start(twin);
  await list(orthanc);
  const pids = [orthanc.pid, ...descendants(orthanc.pid)];
  expect(pids.length).toBeGreaterThan(1);
  const lines = pids.map(commandLine);
  const entries = await readdir(orthanc.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map((file) => readFile(path.join(file.parentPath, file.name), "latin1")),
  );
  const token = /Bearer [0-9a-f]{8}-/;
  for (const text of [...lines, ...texts, await orthanc.log()]) expect(text).not.toMatch(token);
});

test.each(LANGUAGES)("%s: a hundred calls at once leave threads for the workers", async (twin) => {
  const orthanc = await start(twin);
  const answers = await Promise.all(Array.from({ length: 100 }, () => list(orthanc)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(20);
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect((await list(orthanc)).status).toBe(200);
});
