import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { readProgram } from "../../src/catalogue/catalogue.ts";
import { readProgramFiles, readSharedFiles } from "../../src/catalogue/files.ts";
import { bridgeOptions } from "../../src/harness/program.ts";
import { descendants } from "../../src/linux/processes.js";
import { findNode } from "../../src/node/node.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

interface State {
  listening: boolean;
  handled: number;
  missed: number;
  last: Record<string, { patient: string; modality: string }>;
}

const { startExample, startPlugin, track } = useOrthancs();

/** Has the twin take that many seconds more to handle an instance. */
function slow(twin: Language, seconds: number): Record<string, string> {
  return twin === "python"
    ? { "    tags = json": `    __import__("time").sleep(${seconds})\n    tags = json` }
    : {
        "  const tags = ": `  await new Promise((go) => setTimeout(go, ${seconds * 1000}));\n  const tags = `,
      };
}

/** Starts a twin and waits until it listens. */
async function start(twin: Language, replace: Record<string, string> = {}): Promise<Orthanc> {
  const orthanc = await startExample("change-listener", twin, { replace });
  await waitFor(orthanc, (state) => state.listening);
  return orthanc;
}

/** Starts an Orthanc with a script of these lines. */
function startScript(...lines: string[]): Promise<Orthanc> {
  return startPlugin(
    `import json, threading, time, urllib.request, orthanc\n${lines.join("\n")}\n`,
  );
}

async function ask(orthanc: Orthanc): Promise<State> {
  return (await orthanc.request("/change-listener")).json() as Promise<State>;
}

/** Asks until the twin has come that far, and returns its answer. */
async function waitFor(orthanc: Orthanc, found: (state: State) => boolean): Promise<State> {
  return vi.waitFor(
    async () => {
      const state = await ask(orthanc);
      expect(state).toSatisfy(found);
      return state;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function list(orthanc: Orthanc): Promise<string[]> {
  return (await orthanc.request("/instances")).json() as Promise<string[]>;
}

/** Has Orthanc store a new instance: its id, and how long the answer took, in milliseconds. */
async function store(orthanc: Orthanc, signal?: AbortSignal) {
  const begin = performance.now();
  const body = JSON.stringify({ Tags: { PatientID: "PATIENT", Modality: "OT" } });
  const answer = await orthanc.request("/tools/create-dicom", { method: "POST", body, signal });
  expect(answer.status).toBe(200);
  const { ID: id } = (await answer.json()) as { ID: string };
  return { id, took: performance.now() - begin };
}

/** Stores that many instances, some at once. */
async function storeMany(orthanc: Orthanc, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const stored = await Promise.all(Array.from({ length: 10 }, () => store(orthanc)));
    ids.push(...stored.map(({ id }) => id));
  }
  return ids;
}

test("both twins report the same about files that a modality sends", async () => {
  const states: State[] = [];
  for (const twin of LANGUAGES) {
    const orthanc = await start(twin);
    const files = ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm"];
    await orthanc.send(files.map((file) => path.join(orthanc.installation.testFiles, file)));
    const state = await waitFor(orthanc, ({ handled }) => handled === 3);
    expect(Object.keys(state.last).sort()).toEqual((await list(orthanc)).sort());
    expect(Object.values(state.last).map(({ modality }) => modality)).toContain("CT");
    states.push(state);
  }
  expect(states[0]).toEqual(states[1]);
});

test.each(LANGUAGES)("%s: each of 250 instances is handled once", async (twin) => {
  const orthanc = await start(twin, { "KEPT = 100": "KEPT = 1000" });
  const ids = await storeMany(orthanc, 250);
  const { handled, missed, last } = await waitFor(orthanc, (state) => state.handled >= 250);
  expect({ handled, missed }).toEqual({ handled: 250, missed: 0 });
  expect(Object.keys(last).sort()).toEqual(ids.sort());
});

test.each(LANGUAGES)("%s: only the last instances are remembered", async (twin) => {
  const orthanc = await start(twin, { "KEPT = 100": "KEPT = 2" });
  const ids: string[] = [];
  for (let count = 0; count < 5; count++) ids.push((await store(orthanc)).id);
  const { last } = await waitFor(orthanc, ({ handled }) => handled === 5);
  expect(Object.keys(last).sort()).toEqual(ids.slice(-2).sort());
});

test.each([
  ["python", 3],
  ["typescript", 2],
] as const)("%s: of two instances, one of them sent twice, %i are handled", async (twin, count) => {
  const orthanc = await start(twin);
  const file = path.join(orthanc.installation.testFiles, "CT_small.dcm");
  await orthanc.send([file]);
  await orthanc.send([file]);
  await store(orthanc);
  await waitFor(orthanc, ({ handled }) => handled === count);
  await sleep(1500);
  expect(await ask(orthanc)).toMatchObject({ handled: count, missed: 0 });
  expect(await list(orthanc)).toHaveLength(2);
});

test.each(LANGUAGES)("%s: an instance that is deleted before its turn is missed", async (twin) => {
  const orthanc = await start(twin, slow(twin, 1.5));
  await store(orthanc);
  await sleep(1200); // Now both twins are busy with it.
  await store(orthanc);
  const { id } = await store(orthanc);
  await waitFor(orthanc, ({ handled }) => handled === 1);
  await sleep(500); // And now they know of both others.
  await orthanc.request(`/instances/${id}`, { method: "DELETE" });
  const { handled, last } = await waitFor(orthanc, ({ missed }) => missed === 1);
  expect(handled).toBe(2);
  expect(last).not.toHaveProperty(id);
  expect(await orthanc.log()).toContain(`Instance ${id} is not handled`);
});

test("an upload waits for a stored-instance callback, not for a queue or a change callback", async () => {
  const callback = (name: string) => [
    `def slow(*arguments): time.sleep(1)`,
    `orthanc.Register${name}Callback(slow)`,
  ];
  const stored = await startScript(...callback("OnStoredInstance"));
  const changed = await startScript(...callback("OnChange"));
  const queued = await start("python", slow("python", 1));
  const [inside, later, handed] = [await store(stored), await store(changed), await store(queued)];
  expect(inside.took).toBeGreaterThan(3 * later.took);
  expect(inside.took).toBeGreaterThan(3 * handed.took);
  await waitFor(queued, ({ handled }) => handled === 1);

  // All uploads wait for each other, too.
  const begin = performance.now();
  await Promise.all([store(stored), store(stored), store(stored)]);
  expect(performance.now() - begin).toBeGreaterThan(2 * inside.took);
});

test("a change callback may call the core, also while instances come in", async () => {
  const orthanc = await startScript(
    "seen = []",
    "running = most = 0",
    "def on_change(change, level, resource):",
    "    global running, most",
    "    if change == orthanc.ChangeType.NEW_INSTANCE:",
    "        running += 1",
    "        most = max(most, running)",
    '        orthanc.RestApiGet("/instances/" + resource + "/simplified-tags")',
    "        time.sleep(0.01)",
    "        running -= 1",
    "        seen.append(resource)",
    "def serve(output, uri, **request):",
    '    output.AnswerBuffer(json.dumps([most, seen]), "application/json")',
    "orthanc.RegisterOnChangeCallback(on_change)",
    'orthanc.RegisterRestCallback("/seen", serve)',
  );
  const ids = await storeMany(orthanc, 60);
  await vi.waitFor(
    async () => {
      const answer = await orthanc.request("/seen");
      const [most, seen] = (await answer.json()) as [number, string[]];
      expect(seen.sort()).toEqual(ids.sort());
      expect(most, "callbacks at once").toBe(1);
    },
    { timeout: 20_000 },
  );
});

const TAGS = `tags = json.dumps({"Tags": {"PatientID": "PYTHON"}})`;
const BY_SDK = [
  TAGS,
  "def store_another():",
  '    orthanc.RestApiPost("/tools/create-dicom", tags)',
];
const OVER_HTTP = [
  TAGS,
  'port = json.loads(orthanc.GetConfiguration())["HttpPort"]',
  "token = orthanc.GenerateRestApiAuthorizationToken()",
  "def store_another():",
  '    address = f"http://127.0.0.1:{port}/tools/create-dicom"',
  '    headers = {"Authorization": token}',
  "    request = urllib.request.Request(address, tags.encode(), headers)",
  "    urllib.request.urlopen(request, timeout=3).read()",
];
/** A callback that takes half a second, and a route that lets a thread store an instance at the same time. */
const MEANWHILE = [
  "called = threading.Event()",
  "def on_stored_instance(instance, id):",
  "    called.set()",
  "    time.sleep(0.5)",
  "def store_meanwhile():",
  "    called.wait()",
  "    store_another()",
  "def serve(output, uri, **request):",
  "    threading.Thread(target=store_meanwhile, daemon=True).start()",
  '    output.AnswerBuffer("soon", "text/plain")',
  "orthanc.RegisterOnStoredInstanceCallback(on_stored_instance)",
  'orthanc.RegisterRestCallback("/store", serve)',
];

test("python: storing by the SDK while an upload is in a stored-instance callback hangs", async () => {
  const orthanc = await startScript(...BY_SDK, ...MEANWHILE);
  await orthanc.request("/store");
  await expect(store(orthanc, AbortSignal.timeout(5000))).rejects.toThrow("timeout");
  await orthanc.stop();
  // It did not end when it was asked to: its guard had to.
  expect(await orthanc.ended).toBe("SIGKILL");
});

test("python: storing over HTTP, by token, does not", async () => {
  const orthanc = await startScript(...OVER_HTTP, ...MEANWHILE);
  await orthanc.request("/store");
  await store(orthanc);
  await vi.waitFor(async () => expect(await list(orthanc)).toHaveLength(2), 10_000);
});

test("python: a stored-instance callback that stores over HTTP waits for itself", async () => {
  const orthanc = await startScript(
    ...OVER_HTTP,
    "def on_stored_instance(instance, id):",
    "    try:",
    "        store_another()",
    "    except OSError as error:",
    '        orthanc.LogWarning("gave up: " + repr(error))',
    "orthanc.RegisterOnStoredInstanceCallback(on_stored_instance)",
  );
  expect((await store(orthanc)).took).toBeGreaterThan(2900);
  expect(await orthanc.log()).toContain("gave up: TimeoutError");
});

test("python: a full queue delays no upload; what finds no room is counted and logged", async () => {
  const orthanc = await start("python", { "WAITING = 1000": "WAITING = 2", ...slow("python", 1) });
  const begin = performance.now();
  for (let count = 0; count < 10; count++) await store(orthanc);
  expect(performance.now() - begin).toBeLessThan(3000);
  const { handled, missed } = await waitFor(
    orthanc,
    (state) => state.handled + state.missed === 10,
  );
  expect(missed).toBeGreaterThanOrEqual(5);
  expect(handled).toBeGreaterThanOrEqual(2);
  const log = await orthanc.log();
  expect(log.match(/is not handled: too many instances are waiting/g)).toHaveLength(missed);
});

test.each([
  ["while the thread waits", 0, 0],
  ["in the middle of the work", 1, 4],
  ["while one instance takes a minute", 60, 1],
])("python: Orthanc stops %s", async (_, seconds, count) => {
  const orthanc = await start("python", slow("python", seconds));
  for (let stored = 0; stored <= count; stored++) await store(orthanc);
  if (seconds === 0) await waitFor(orthanc, ({ handled }) => handled === 1);
  await orthanc.stop();
  expect(await orthanc.ended).toBe("exit code 0");
  const log = await orthanc.log();
  expect(log).not.toMatch(/traceback/i);
  const left = /Orthanc stops: (\d+) ids are not handled/.exec(log)?.[1];
  expect(left).toBe(count === 0 ? undefined : String(count));
});

test("python: Orthanc stops while the queue is full", async () => {
  const orthanc = await start("python", { "WAITING = 1000": "WAITING = 2", ...slow("python", 1) });
  for (let count = 0; count < 5; count++) await store(orthanc);
  await orthanc.stop();
  expect(await orthanc.ended).toBe("exit code 0");
  expect(await orthanc.log()).toContain("Orthanc stops: 2 ids are not handled");
});

test("typescript: Orthanc stops in the middle of the work", async () => {
  const orthanc = await start("typescript", slow("typescript", 1));
  for (let count = 0; count < 5; count++) await store(orthanc);
  await orthanc.stop();
  expect(await orthanc.ended).toBe("exit code 0");
  expect(await orthanc.log()).toContain("Node has ended (signal SIGTERM)");
});

test("typescript: what is stored while Node is away is not handled, what follows is", async () => {
  const orthanc = await start("typescript");
  for (const pid of descendants(orthanc.pid)) process.kill(pid, "SIGKILL");
  const missed = await store(orthanc);
  await vi.waitFor(() => waitFor(orthanc, ({ listening }) => listening), 20_000);
  const seen = await store(orthanc);
  const { last } = await waitFor(orthanc, ({ handled }) => handled > 0);
  expect(Object.keys(last)).toEqual([seen.id]);
  expect(await list(orthanc)).toContain(missed.id);
});

/** Keeps Orthanc from listening until the twin has asked in vain, or for 20 seconds. */
const SLOW_START = `
import time
import bridge
for _ in range(200):
    if "asked for again" in open("orthanc.log").read():
        break
    time.sleep(0.1)
`;

test("typescript: it asks again until Orthanc listens", async () => {
  const program = await readProgram("change-listener", "typescript");
  const files = {
    ...(await readProgramFiles(program)),
    ...(await readSharedFiles("typescript")),
    "slow_start.py": SLOW_START,
  };
  const orthanc = track(
    await startOrthanc({
      ...bridgeOptions(await findNode(), files, program.routes),
      // What else Orthanc loads after the bridge takes longer than a start of Node.
      script: "slow_start.py",
    }),
  );
  await waitFor(orthanc, ({ listening }) => listening);
  expect(await orthanc.log()).toMatch(/changes are asked for again: .*ECONNREFUSED/);
  await store(orthanc);
  await waitFor(orthanc, ({ handled }) => handled === 1);
});

test("/changes gives at most 100 at once, those after `since`, and says when they are all", async () => {
  const orthanc = track(await startOrthanc());
  const read = async (query: string) => {
    const answer = (await (await orthanc.request(`/changes${query}`)).json()) as {
      Changes: { Seq: number; ChangeType: string }[];
      Last: number;
      Done: boolean;
    };
    return {
      numbers: answer.Changes.map(({ Seq }) => Seq),
      types: answer.Changes.map(({ ChangeType }) => ChangeType),
      last: answer.Last,
      done: answer.Done,
    };
  };
  await store(orthanc);
  expect((await read("?since=0")).types.sort()).toEqual([
    "NewInstance",
    "NewPatient",
    "NewSeries",
    "NewStudy",
  ]);

  await storeMany(orthanc, 40);
  const { types, ...newest } = await read("?last");
  expect(types).toHaveLength(1);
  expect(newest.numbers).toEqual([newest.last]);

  const first = await read("?since=0");
  expect(first.numbers).toHaveLength(100);
  expect(first).toMatchObject({ last: first.numbers.at(-1), done: false });

  const second = await read(`?since=${first.last}&limit=100`);
  expect(second.numbers[0]).toBeGreaterThan(first.last);
  expect(second).toMatchObject({ last: newest.last, done: true });

  expect(await read(`?since=${newest.last}`)).toEqual({
    numbers: [],
    types: [],
    last: newest.last,
    done: true,
  });
});

test("/changes forgets instances that are deleted", async () => {
  const orthanc = track(await startOrthanc());
  const { id } = await store(orthanc);
  const changes = async () => (await orthanc.request("/changes")).text();
  expect(await changes()).toContain(id);
  await orthanc.request(`/instances/${id}`, { method: "DELETE" });
  expect(await changes()).not.toContain(id);
});
