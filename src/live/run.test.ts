import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { readScenario } from "../catalogue/catalogue.ts";
import type { RunEvent } from "../protocol/live.ts";
import { processesIn } from "../testing/leftovers.ts";
import type { Run } from "./run.ts";
import { Runs } from "./runs.ts";

// This machine has no address that others could use.
vi.mock("node:os", async (original) => ({
  ...(await original<object>()),
  networkInterfaces: () => ({}),
}));

const SOON = { timeout: 20_000, interval: 100 };
const runs = new Runs();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "live-"));
  process.env.TMPDIR = folder;
});

afterAll(() => rm(folder, { recursive: true }));

async function start(id: string, edited?: Record<string, string>) {
  const scenario = await readScenario(id);
  return runs.start(scenario, { scenario: id, programs: ["python"], edited });
}

/** Collects all events of a run. */
async function follow(run: Run): Promise<RunEvent[]> {
  const reported: RunEvent[] = [];
  for await (const [, event] of run.follow(0, new AbortController().signal)) reported.push(event);
  return reported;
}

/** How a run ends that fails. */
async function failureOf(run: Run): Promise<string> {
  const last = (await follow(run)).at(-1);
  if (last?.type !== "ended" || last.end.how !== "failed") throw new Error(JSON.stringify(last));
  return last.end.reason;
}

async function nothingIsLeft() {
  await expect.poll(() => processesIn(folder), SOON).toEqual([]);
  await expect.poll(() => readdir(folder), SOON).toEqual([]);
}

test("a run that is stopped in its middle leaves no process and no folder", async () => {
  const run = await start("blocking-computation");
  const reported: RunEvent[] = [];
  for await (const [, event] of run.follow(0, new AbortController().signal)) {
    reported.push(event);
    if (event.type === "progress" && event.progress.type === "step") run.stop("Enough.");
  }
  expect(reported[0]?.type).toBe("starting");
  expect(reported.at(-1)).toEqual({ type: "ended", end: { how: "stopped", reason: "Enough." } });
  await nothingIsLeft();
});

test("a run that no page follows is stopped", async () => {
  const run = await start("rest-token", { "plugin.py": "import time\ntime.sleep(60)\n" });
  await expect.poll(() => run.ended, SOON).toBe(true);
  const reported = await follow(run);
  const reason = "No page was following it any more.";
  expect(reported.at(-1)).toEqual({ type: "ended", end: { how: "stopped", reason } });
  await nothingIsLeft();
});

test("a run says what this machine can't check, and why", async () => {
  const scenario = await readScenario("token-access");
  const name = "Remote access off, from another address";
  const run = runs.start(scenario, { scenario: scenario.id, programs: [name] });
  expect((await follow(run)).at(-1)).toEqual({
    type: "ended",
    end: {
      how: "played",
      edited: [],
      unexpected: [],
      skipped: [`token-access, ${name}: this machine has no IPv4 address but loopback`],
    },
  });
});

// Vitest fails a file with an unhandled rejection.
describe("a run that can't be played has an end, and the next one is played", () => {
  afterEach(async () => {
    process.env.TMPDIR = folder;
    expect((await follow(await start("rest-token"))).at(-1)).toMatchObject({
      end: { how: "played" },
    });
    await nothingIsLeft();
  });

  test("the example's folder is gone", async () => {
    const scenario = await readScenario("rest-token");
    const gone = await mkdtemp(path.join(folder, "example-"));
    await rm(gone, { recursive: true });
    const run = runs.start(
      { ...scenario, programs: scenario.programs.map((one) => ({ ...one, folder: gone })) },
      { scenario: scenario.id, programs: ["python", "typescript"] },
    );
    expect(await failureOf(run)).toMatch(/ENOENT.*example-/);
  });

  test("there is no folder for temporary files", async () => {
    process.env.TMPDIR = path.join(folder, "none");
    expect(await failureOf(await start("rest-token"))).toMatch(/did not start.*ENOENT/);
  });

  test("Orthanc's folder is removed while it runs", async () => {
    const run = await start("rest-token", {
      "plugin.py": `import os, shutil, orthanc
def on_computation(output, uri, **request):
    shutil.rmtree(os.path.dirname(os.environ["TMPDIR"]))
    output.AnswerBuffer("x" * 2_000_000, "text/plain")
orthanc.RegisterRestCallback("/computation", on_computation)
`,
    });
    expect(await failureOf(run)).toMatch(/has more than 1,000,000 bytes/);
  });

  test("the plugin kills the guard, and leaves a process that fills the folder", async () => {
    const run = await start("rest-token", {
      "plugin.py": `import os, signal, subprocess, sys, time, orthanc
folder = os.path.dirname(os.environ["TMPDIR"])
filling = "i=0; while mkdir -p ${"$"}0/full/${"$"}i; do i=${"$"}((i+1)); done"
subprocess.Popen(["sh", "-c", filling, folder], start_new_session=True, cwd="/")
def on_computation(output, uri, **request):
    time.sleep(0.5)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
orthanc.RegisterRestCallback("/computation", on_computation)
`,
    });
    expect(await failureOf(run)).toMatch(/its guard was killed/);
  });
});
