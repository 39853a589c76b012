import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readProgram } from "../../src/catalogue/catalogue.ts";
import { readProgramFiles } from "../../src/catalogue/files.ts";
import { workers } from "../../src/harness/workers.ts";
import { descendants } from "../../src/linux/processes.js";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

interface Computation {
  id: string;
  state: "running" | "done" | "failed" | "cancelled";
  progress: number;
  error: string | null;
}

const { startExample } = useOrthancs();
let orthanc: Orthanc;

/** More square numbers than either twin adds up in an hour. */
const ENDLESS = 1_000_000_000_000_000;

/** Starts a twin with some of its limits, or more of its text, changed, and a computation that lasts some seconds in its language. */
async function start(
  twin: Language,
  limits: Record<string, number> = {},
  edit = (text: string) => text,
): Promise<string> {
  const program = await readProgram("worker-messages", twin);
  const name = twin === "python" ? "computations.py" : "computations.ts";
  let text = (await readProgramFiles(program))[name] as string;
  for (const [limit, value] of Object.entries(limits)) {
    const changed = text.replace(new RegExp(`^((?:const )?${limit} = )\\d+`, "m"), `$1${value}`);
    expect(changed).not.toBe(text);
    text = changed;
  }
  orthanc = await startExample("worker-messages", twin, { edited: { [name]: edit(text) } });
  return post(40_000_000);
}

/** Starts another computation. */
async function post(count: number): Promise<string> {
  const body = JSON.stringify({ count });
  const answer = await orthanc.request("/computations", { method: "POST", body });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as Computation).id;
}

async function cancel(id: string): Promise<Computation> {
  const answer = await orthanc.request(`/computations/${id}`, { method: "DELETE" });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Computation;
}

async function ask(id: string): Promise<Computation> {
  return (await orthanc.request(`/computations/${id}`)).json() as Promise<Computation>;
}

/** Asks until the computation is no longer running, and returns all answers. */
async function follow(id: string): Promise<Computation[]> {
  const answers = [await ask(id)];
  while (answers.at(-1)?.state === "running" && answers.length < 600) {
    await sleep(50);
    answers.push(await ask(id));
  }
  return answers;
}

test.each(LANGUAGES)(
  "%s: progress is reported while the worker works, and never falls",
  async (twin) => {
    const answers = await follow(await start(twin));
    const progress = answers.map((answer) => answer.progress);
    expect(answers.at(-1)?.state).toBe("done");
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    const halfway = answers.filter(
      (answer) => answer.state === "running" && answer.progress > 0 && answer.progress < 100,
    );
    expect(new Set(halfway.map((answer) => answer.progress)).size).toBeGreaterThan(2);
  },
);

test("python: the computation of a worker that is killed has failed, and a new one works", async () => {
  const id = await start("python");
  await sleep(500);
  for (const pid of workers(orthanc)) process.kill(pid, "SIGKILL");
  expect((await follow(id)).at(-1)).toMatchObject({
    state: "failed",
    error: "the worker has failed",
  });
  expect((await follow(await post(1000))).at(-1)?.state).toBe("done");
});

test("python: no message is lost, however early it is sent", async () => {
  await start("python");
  for (let round = 0; round < 30; round++) {
    expect((await follow(await post(10))).at(-1)).toMatchObject({ state: "done", progress: 100 });
  }
});

test("typescript: no message is lost, however early it is sent, and no port is left", async () => {
  const first = await start("typescript", {}, (text) =>
    text
      .replace("Object.assign(this, { progress })", '(console.log("message", progress), $&)')
      .replace('this.state = "done";', '$& console.log("ports", countPorts());')
      .concat(
        "const countPorts = () =>",
        '  process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;',
      ),
  );
  await follow(first);
  for (let round = 0; round < 30; round++) await follow(await post(10));
  const logged = (what: string) =>
    orthanc
      .log()
      .then((log) => [...log.matchAll(new RegExp(`^${what} (\\d+)`, "gm"))].map(([, n]) => n));
  await expect.poll(() => logged("message")).toHaveLength(31 * 10);
  const ports = await logged("ports");
  expect(ports).toHaveLength(31);
  expect(ports.at(-1)).toBe(ports[0]);
});

test.each(LANGUAGES)(
  "%s: endless computations end with their deadline, and block no other computation for good",
  async (twin) => {
    await cancel(await start(twin, { DEADLINE: 2 }));
    const ids = await Promise.all([1, 2, 3, 4].map(() => post(ENDLESS)));
    for (const id of ids) {
      expect((await follow(id)).at(-1)).toMatchObject({
        state: "failed",
        error: "no worker finished within 2 seconds",
      });
    }
    await expect.poll(async () => (await follow(await post(10))).at(-1)?.state).toBe("done");
  },
);

test.each(LANGUAGES)(
  "%s: DELETE ends a computation, at work or waiting, and no other",
  async (twin) => {
    await cancel(await start(twin));
    const ids = await Promise.all([1, 2, 3, 4, 5, 6].map(() => post(ENDLESS)));
    for (const id of [ids[0], ids[5]] as string[]) {
      expect(await cancel(id)).toEqual({ id, state: "cancelled", progress: 0, error: null });
      expect((await cancel(id)).state).toBe("cancelled");
    }
    for (const id of ids.slice(1, 5)) expect((await ask(id)).state).toBe("running");
    await Promise.all(ids.slice(1, 5).map(cancel));
    const done = await post(10);
    expect((await follow(done)).at(-1)?.state).toBe("done");
    // An ended computation does not change.
    expect((await cancel(done)).state).toBe("done");
  },
);

test.each(LANGUAGES)("%s: more computations than may wait are refused", async (twin) => {
  await start(twin, { WAITING: 2 });
  const answers: number[] = [];
  for (let count = 0; count < 8; count++) {
    const body = JSON.stringify({ count: ENDLESS });
    const answer = await orthanc.request("/computations", { method: "POST", body });
    if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("1");
    answers.push(answer.status);
  }
  // One is at work already: three more work, and two wait.
  expect(answers).toEqual([202, 202, 202, 202, 202, 503, 503, 503]);
});

test.each(LANGUAGES)("%s: a computation that waits too long has failed, alone", async (twin) => {
  const working = await start(twin, { WORKERS: 1 }, (text) =>
    text.replace(/(?<=patience[=:] ?)DEADLINE/, "1"),
  );
  expect((await follow(await post(10))).at(-1)).toMatchObject({
    state: "failed",
    error: "no worker was free within 1 seconds",
  });
  expect((await follow(working)).at(-1)?.state).toBe("done");
});

test.each(LANGUAGES)("%s: more computations than are remembered are refused", async (twin) => {
  await cancel(await start(twin, { LIMIT: 3 }));
  for (let count = 0; count < 2; count++) await follow(await post(10));
  const body = JSON.stringify({ count: 10 });
  const answer = await orthanc.request("/computations", { method: "POST", body });
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("1");
});

test("typescript: a Node that is killed forgets all computations, and the next one takes new ones", async () => {
  const id = await start("typescript");
  const [node] = descendants(orthanc.pid) as [number];
  process.kill(node, "SIGKILL");
  const status = async () => (await orthanc.request(`/computations/${id}`)).status;
  await expect.poll(status, { timeout: 20_000 }).toBe(404);
  expect((await follow(await post(10))).at(-1)?.state).toBe("done");
});

test.each(LANGUAGES)(
  "%s: an ended computation is forgotten after the stated time",
  async (twin) => {
    const id = await start(twin, { KEPT: 2 });
    expect((await cancel(id)).state).toBe("cancelled");
    expect((await orthanc.request(`/computations/${id}`)).status).toBe(200);
    await sleep(3000);
    expect((await orthanc.request(`/computations/${id}`)).status).toBe(404);
  },
);

test.each(LANGUAGES)(
  "%s: a body that is not JSON, or a count that is not a number, is answered with 400",
  async (twin) => {
    await start(twin);
    for (const body of [
      "",
      "{",
      "[]",
      "null",
      '{"count": "many"}',
      '{"count": -1}',
      '{"count": 0.5}',
      '{"count": 1e400}',
      '{"count": 9007199254740992}',
      '{"count": true}',
      "[".repeat(100),
    ]) {
      const answer = await orthanc.request("/computations", { method: "POST", body });
      expect([body, answer.status]).toEqual([body, 400]);
      expect(await answer.json()).toHaveProperty("error");
    }
  },
);

test.each(LANGUAGES)(
  "%s: a body that is JSON only in other encodings or in Python is answered with 400",
  async (twin) => {
    await start(twin);
    const text = '{"count": 10}';
    for (const body of [
      Buffer.from(text, "utf16le"),
      Buffer.from(`\ufeff${text}`, "utf16le"),
      Buffer.from(`\ufeff${text}`),
      Buffer.from([...text].map((letter) => `\0\0\0${letter}`).join(""), "latin1"),
      Buffer.from('{"count": 10, "name": "\xe9"}', "latin1"),
      Buffer.from('{"count": 10, "name": NaN}'),
      Buffer.from('{"count": 10, "name": -Infinity}'),
    ]) {
      const answer = await orthanc.request("/computations", { method: "POST", body });
      expect([body.toString("latin1"), answer.status]).toEqual([body.toString("latin1"), 400]);
    }
    const body = '{"count": 10, "name": "é"}';
    const answer = await orthanc.request("/computations", { method: "POST", body });
    expect(answer.status).toBe(202);
  },
);

const BROKEN: Record<Language, Record<string, string>> = {
  python: { "    total = 0\n": '    raise ValueError("secret")\n    total = 0\n' },
  typescript: { "  let total = 0n;\n": '  throw new Error("secret");\n  let total = 0n;\n' },
};

test.each(LANGUAGES)(
  "%s: the details of an error in the task go to the log alone",
  async (twin) => {
    orthanc = await startExample("worker-messages", twin, { replace: BROKEN[twin] });
    const id = await post(10);
    expect((await follow(id)).at(-1)).toEqual({
      id,
      state: "failed",
      progress: 0,
      error: "the computation has failed",
    });
    const log = await orthanc.log();
    expect(log.split(`Computation ${id} has failed:`)).toHaveLength(2);
    // The message, and the place in the worker.
    expect(log).toMatch(/worker\.(py", line \d+|ts:\d+)[\s\S]*secret|secret[\s\S]*worker\.ts:\d+/);
  },
);

test.each(LANGUAGES)("%s: a long body is refused before it is parsed", async (twin) => {
  await start(twin);
  for (const length of [101, 1000, 20_000_000]) {
    const body = Buffer.alloc(length, "[");
    const answer = await orthanc.request("/computations", { method: "POST", body });
    expect([length, answer.status]).toEqual([length, 413]);
  }
});
