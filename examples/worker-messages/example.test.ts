import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readExample, TWINS, type Twin } from "../../src/harness/example.ts";
import { endAfterEachTest } from "../../src/harness/live.ts";
import { descendants } from "../../src/harness/processes.ts";
import { startTwin } from "../../src/harness/twin.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";

interface Computation {
  id: string;
  state: "running" | "done" | "failed";
  progress: number;
}

const ended = endAfterEachTest();
let orthanc: Orthanc;

/** Starts a twin and a computation that lasts some seconds in its language. */
async function start(twin: Twin): Promise<string> {
  orthanc = ended(await startTwin(await readExample("worker-messages"), twin));
  const count = twin === "python" ? 40_000_000 : 1_500_000_000;
  const body = JSON.stringify({ count });
  const answer = await orthanc.request("/computations", { method: "POST", body });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as Computation).id;
}

async function ask(id: string): Promise<Computation> {
  return (await orthanc.request(`/computations/${id}`)).json() as Promise<Computation>;
}

/** Asks until the computation is no longer running, and gives all answers. */
async function follow(id: string): Promise<Computation[]> {
  const answers = [await ask(id)];
  while (answers.at(-1)?.state === "running" && answers.length < 600) {
    await sleep(50);
    answers.push(await ask(id));
  }
  return answers;
}

test.each(TWINS)("%s: progress is told while the worker works, and never falls", async (twin) => {
  const answers = await follow(await start(twin));
  const progress = answers.map((answer) => answer.progress);
  expect(answers.at(-1)?.state).toBe("done");
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  const halfway = answers.filter(
    (answer) => answer.state === "running" && answer.progress > 0 && answer.progress < 100,
  );
  expect(new Set(halfway.map((answer) => answer.progress)).size).toBeGreaterThan(2);
});

test("python: the computation of a worker that is killed has failed, and a new one works", async () => {
  const id = await start("python");
  await sleep(500);
  for (const pid of descendants(orthanc)) process.kill(pid, "SIGKILL");
  expect((await follow(id)).at(-1)?.state).toBe("failed");
  const body = JSON.stringify({ count: 1000 });
  const again = await orthanc.request("/computations", { method: "POST", body });
  expect(again.status).toBe(202);
  const { id: next } = (await again.json()) as Computation;
  expect((await follow(next)).at(-1)?.state).toBe("done");
});

test.each(TWINS)(
  "%s: a body that is no JSON, or a count that is none, is answered with 400",
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
    ]) {
      const answer = await orthanc.request("/computations", { method: "POST", body });
      expect([body, answer.status]).toEqual([body, 400]);
      expect(await answer.json()).toHaveProperty("error");
    }
  },
);
