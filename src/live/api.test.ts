import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { EXAMPLES } from "../catalogue/catalogue.ts";
import { findNode } from "../node/node.ts";
import type { RunEvent, RunRequest } from "../protocol/live.ts";
import { LANGUAGES } from "../protocol/programs.ts";
import { processesIn } from "../testing/leftovers.ts";
import { pageClient } from "../testing/pageClient.ts";
import { serveApp } from "../testing/serveApp.ts";
import { createApi } from "./api.ts";

const SECRET = "the secret of this test";
const SOON = { timeout: 20_000, interval: 100 };
const TEMPORARY = tmpdir();

/** With it, Orthanc does not get beyond its start. */
const SLOW = { "plugin.py": "import time\ntime.sleep(60)\n" };
/** A plugin with one callback that has this body. */
const callback = (body: string) => ({
  "plugin.py": `import time
import orthanc

def on_computation(output, uri, **request):
    ${body}

orthanc.RegisterRestCallback("/computation", on_computation)
`,
});

let server: Awaited<ReturnType<typeof serveApp>>;
let folder: string;
const folders: string[] = [];

// A test does not wait for the Orthancs of earlier ones: each has its own API and folder.
beforeEach(async () => {
  folder = await mkdtemp(path.join(TEMPORARY, "api-"));
  folders.push(folder);
  process.env.TMPDIR = folder;
  server = await serveApp(createApi(SECRET));
});

afterEach(() => server.close());

afterAll(async () => {
  for (folder of folders) {
    await nothingIsLeft();
    await rm(folder, { recursive: true });
  }
});

async function nothingIsLeft() {
  await vi.waitFor(async () => {
    expect(processesIn(folder)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  }, SOON);
}

const page = () => pageClient(server.host, SECRET);
const stop = async (id: string) => (await page().request("DELETE", `/live/runs/${id}`)).status;

async function collect(id: string, lastEventId?: string) {
  const reported: [string, RunEvent][] = [];
  for await (const event of page().followRun(id, lastEventId)) reported.push(event);
  return reported;
}

/** Plays a run to its end. */
async function play(request: RunRequest) {
  const reported = (await collect(await page().startRun(request))).map(([, event]) => event);
  const last = reported.at(-1);
  if (last?.type !== "ended") throw new Error(`The last event is ${JSON.stringify(last)}.`);
  const progress = reported.flatMap((event) => (event.type === "progress" ? [event.progress] : []));
  return { reported, progress, end: last.end };
}

/** Reads the passwords of the Orthancs in this test's folder. */
async function passwords(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name, "orthanc.json");
    const text = await readFile(file, "utf8").catch(() => "{}");
    found.push(...Object.values<string>(JSON.parse(text).RegisteredUsers ?? {}));
  }
  return found;
}

const ofRepository = (example: string, file: string) =>
  readFile(path.join(EXAMPLES, example, file), "utf8");

test("/live/versions returns the versions that runs are played on", async () => {
  const { status, json } = await page().request("GET", "/live/versions");
  expect(json).toEqual({
    orthanc: expect.stringMatching(/^\d+\.\d+\.\d+/),
    plugin: expect.stringMatching(/^\d+\.\d+/),
    python: expect.stringMatching(/^3\.\d+$/),
    node: (await findNode()).version,
  });
  expect(status).toBe(200);
});

test("/live/examples returns an example's own files, and its number of calls at once", async () => {
  const { status, json } = await page().request("GET", "/live/scenarios/rest-token");
  const file = (name: string) => ofRepository("rest-token", name);
  expect(json).toEqual({
    files: {
      python: { "plugin.py": await file("plugin.py"), "worker.py": await file("worker.py") },
      typescript: { "plugin.ts": await file("plugin.ts"), "worker.ts": await file("worker.ts") },
    },
    calls: 5,
  });
  expect(status).toBe(200);
});

test("a run of both twins is reported in order, without secrets, and again after a reload", async () => {
  const id = await page().startRun({ scenario: "rest-token", programs: ["python", "typescript"] });
  const reported: [string, RunEvent][] = [];
  const secrets = new Set<string>();
  for await (const numbered of page().followRun(id)) {
    reported.push(numbered);
    const [, event] = numbered;
    if (event.type === "progress" && event.progress.type === "start") {
      for (const password of await passwords()) secrets.add(password);
    }
  }
  expect(reported.map(([number]) => number)).toEqual(reported.map((_, index) => String(index)));
  const events = reported.map(([, event]) => event);
  expect(events[0]).toEqual({ type: "starting", program: "python", calls: 7 });
  for (const twin of LANGUAGES) {
    const calls = events.filter(
      (event) =>
        event.type === "progress" && event.program === twin && event.progress.type === "call",
    );
    expect(calls).toHaveLength(7);
  }
  expect(events.at(-1)).toEqual({
    type: "ended",
    end: {
      how: "played",
      edited: [],
      versions: expect.anything(),
      differences: [],
      unexpected: [],
      skipped: [],
    },
  });

  const text = JSON.stringify(events);
  expect(text).not.toContain("Bearer ");
  expect(secrets.size).toBe(2);
  for (const password of secrets) expect(text).not.toContain(password);

  // The output of an Orthanc that is stopping comes too late to be reported.
  await nothingIsLeft();
  expect(await collect(id)).toEqual(reported);
  expect(await collect(id, "3")).toEqual(reported.slice(4));
  expect(await collect(id, String(reported.length - 1))).toEqual([]);
  expect(await collect(id, "999999")).toEqual([]);
  for (const malformed of ["", "latest", "-5", "3rd", "0x3", "1e3"]) {
    expect(await collect(id, malformed)).toEqual(reported);
  }
});

test("a reader who comes back in the middle of a run receives the new events", async () => {
  const id = await page().startRun({ scenario: "rest-token", programs: ["python"] });
  let last = "";
  for await (const [number, event] of page().followRun(id)) {
    last = number;
    if (event.type === "progress" && event.progress.type === "start") break;
  }
  const later = await collect(id, last);
  expect(later[0]?.[0]).toBe(String(Number(last) + 1));
  expect(later.at(-1)?.[1]).toMatchObject({ type: "ended", end: { how: "played" } });
});

test("two runs are active at once, eight more wait for their turn, and the next is refused", async () => {
  const slow: RunRequest = {
    scenario: "blocking-computation",
    programs: ["python"],
    edited: callback("time.sleep(110)"), // a run's limit is 120
  };
  // Each is followed at once and to its end: a run without a follower is stopped.
  const following: AsyncGenerator<[string, RunEvent]>[] = [];
  const startAndFollow = async (type: RunEvent["type"]) => {
    const id = await page().startRun(slow);
    const events = page().followRun(id);
    following.push(events);
    expect((await events.next()).value?.[1].type).toBe(type);
    return id;
  };
  const first = await startAndFollow("starting");
  const second = await startAndFollow("starting");
  const third = await startAndFollow("waiting");
  expect(await stop(first)).toBe(204);
  expect((await following.at(-1)?.next())?.value?.[1].type).toBe("starting");

  const waiting: string[] = [];
  while (waiting.length < 8) waiting.push(await startAndFollow("waiting"));
  const { status, json } = await page().request("POST", "/live/runs", slow);
  expect(json).toEqual({ error: expect.stringMatching(/^8 runs are waiting already\. /) });
  expect(status).toBe(429);

  // The waiting ones first, so that none of them starts.
  for (const id of [...waiting, second, third]) expect(await stop(id)).toBe(204);
  await nothingIsLeft();
  const stopped = { type: "ended", end: { how: "stopped", reason: "You stopped it." } };
  const starting = { type: "starting", program: "python", calls: 5 };
  const reported = async (id: string) => (await collect(id)).map(([, event]) => event);
  for (const id of [first, second]) {
    expect((await reported(id))[0]).toEqual(starting);
    expect((await reported(id)).at(-1)).toEqual(stopped);
  }
  expect((await reported(third)).at(-1)).toEqual(stopped);
  for (const [ahead, id] of waiting.entries()) {
    expect((await reported(id))[0]).toEqual({ type: "waiting", ahead });
    expect((await reported(id)).at(-1)).toEqual(stopped);
    expect(await reported(id)).not.toContainEqual(starting);
  }
  for (const one of following) await one.return(undefined);
});

test("a run that is stopped in its middle ends, and leaves no process and no folder", async () => {
  const id = await page().startRun({ scenario: "blocking-computation", programs: ["python"] });
  let last: RunEvent | undefined;
  for await (const [, event] of page().followRun(id)) {
    last = event;
    if (event.type === "progress" && event.progress.type === "step") {
      expect(await stop(id)).toBe(204);
      expect(processesIn(folder)).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
    }
  }
  const end = { how: "stopped", reason: "You stopped it." };
  expect(last).toEqual({ type: "ended", end });
  expect(await stop(id)).toBe(204);
  expect((await collect(id)).at(-1)?.[1]).toEqual({ type: "ended", end });
});

// This has to be shorter than the 30 seconds that Orthanc may take to start.
test("a run can be stopped at any moment of its start", { timeout: 20_000 }, async () => {
  for (const pause of [0, 10, 30, 60, 100, 200]) {
    const id = await page().startRun({
      scenario: "rest-token",
      programs: ["python"],
      edited: SLOW,
    });
    await sleep(pause);
    expect(await stop(id)).toBe(204);
    expect((await collect(id)).at(-1)?.[1]).toMatchObject({ end: { how: "stopped" } });
    expect(processesIn(folder)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  }
});

test.each([
  [
    "prints",
    'print("x" * 1_100_000, flush=True); time.sleep(60)',
    /^More than 1,000,000 bytes were/,
  ],
  [
    "answers",
    'output.AnswerBuffer("x" * 1_100_000, "text/plain")',
    /has more than 1,000,000 bytes/,
  ],
])("a plugin that %s more than 1 MB fails the run", async (_, body, reason) => {
  const edited = callback(body);
  const { end, reported } = await play({ scenario: "rest-token", programs: ["python"], edited });
  expect(end).toEqual({ how: "failed", reason: expect.stringMatching(reason) });
  expect(JSON.stringify(reported).length).toBeLessThan(1_100_000);
  await nothingIsLeft();
});

test("edited files are played, and the repository's stay as they are", async () => {
  const names = ["plugin.py", "plugin.ts", "worker.py", "worker.ts"];
  const read = () => Promise.all(names.map((name) => ofRepository("rest-token", name)));
  const before = await read();
  const [python = "", typescript = ""] = before;
  const edited = {
    "plugin.py": python.replace("pool.run(DEADLINE, list_instances)", '["edited"]'),
    "plugin.ts": typescript.replace("context.json(answer.instances)", 'context.json(["edited"])'),
  };
  const { progress, end } = await play({
    scenario: "rest-token",
    programs: [...LANGUAGES],
    edited,
  });
  expect(end).toMatchObject({ how: "played", differences: [], unexpected: [] });
  const bodies = progress.flatMap((one) =>
    one.type === "call" && one.call.status === 200 ? [one.call.body] : [],
  );
  expect(bodies).toHaveLength(12);
  for (const body of bodies) expect(JSON.parse(body)).toEqual(["edited"]);
  expect(await read()).toEqual(before);
});

test.each([
  ["plugin.py", "import json\n\nx = (1,, 2)\n", { line: 3, column: 8 }],
  ["plugin.ts", 'import "node:http";\n\nconst x = (1,, 2);\n', { line: 3, column: 14 }],
  ["worker.ts", "export const a = 1;\n  const b = ;\n", { line: 2, column: 13 }],
])("a syntax error in an edited %s is found, and nothing starts", async (file, text, place) => {
  const twins: RunRequest["programs"] = ["python", "typescript"];
  const { reported } = await play({
    scenario: "rest-token",
    programs: twins,
    edited: { [file]: text },
  });
  const issues = [{ file, ...place, message: expect.stringMatching(/\w/) }];
  expect(reported).toEqual([{ type: "ended", end: { how: "invalid", issues } }]);
  expect(await readdir(folder)).toEqual([]);
});

// Each of them keeps the parser busy for longer, or overflows its stack.
test.each([
  ["plugin.ts", `a${"+a".repeat(60_000)}`],
  ["plugin.py", `a${"+a".repeat(60_000)}`],
  ["plugin.py", "(".repeat(120_000)],
])("an edited %s that no parser can read ends its run, and delays no other", async (file, text) => {
  const id = await page().startRun({
    scenario: "rest-token",
    programs: ["python"],
    edited: { [file]: text },
  });
  let [late, ended] = [0, false];
  const following = collect(id).finally(() => {
    ended = true;
  });
  for (let asked = 0; asked < 10 && !ended; asked++) {
    const began = performance.now();
    expect((await page().request("GET", "/live/scenarios/rest-token")).status).toBe(200);
    late = Math.max(late, performance.now() - began);
    await sleep(100);
  }
  expect(late).toBeLessThan(5_000);
  expect(await stop(id)).toBe(204);
  const last = (await following).at(-1)?.[1];
  if (last?.type !== "ended" || !("reason" in last.end)) throw new Error(JSON.stringify(last));
  expect(last.end.reason).toMatch(/^You stopped it\.$|can't be searched for syntax errors/);
  expect(await readdir(folder)).toEqual([]);
});

test("of many syntax errors, the first hundred are reported", async () => {
  const edited = { "plugin.ts": "\0".repeat(10_000) };
  const { end } = await play({ scenario: "rest-token", programs: ["typescript"], edited });
  if (end.how !== "invalid") throw new Error(JSON.stringify(end));
  expect(end.issues).toHaveLength(100);
});

test("if a page asks for one call, the step of several calls makes one", async () => {
  const { reported, progress, end } = await play({
    scenario: "worker-pool",
    programs: ["typescript"],
    calls: 1,
  });
  expect(reported[0]).toEqual({ type: "starting", program: "typescript", calls: 5 });
  const counts = progress.flatMap((one) => (one.type === "step" ? [one.count] : []));
  expect(counts).toEqual([1, 1, 1, 1, 1]);
  expect(progress.filter((one) => one.type === "call")).toHaveLength(5);
  expect(end).toMatchObject({ how: "played", unexpected: [] });
});
