import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readExample } from "../harness/example.ts";
import { processesIn } from "../orthanc/leftovers.ts";
import type { RunEvent } from "./events.ts";
import { Runs } from "./runs.ts";

const SOON = { timeout: 20_000, interval: 100 };
const runs = new Runs();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "live-"));
  process.env.TMPDIR = folder;
});

afterAll(() => rm(folder, { recursive: true }));

async function start(id: string, edited?: Record<string, string>) {
  const example = await readExample(id);
  return runs.start(example, { example: id, twins: ["python"], edited });
}

async function nothingIsLeft() {
  await expect.poll(() => processesIn(folder), SOON).toEqual([]);
  await expect.poll(() => readdir(folder), SOON).toEqual([]);
}

test("a run that is stopped in its middle leaves no process and no folder", async () => {
  const run = await start("blocking-computation");
  const told: RunEvent[] = [];
  for await (const [, event] of run.follow(0, new AbortController().signal)) {
    told.push(event);
    if (event.type === "progress" && event.progress.type === "step") run.stop("Enough.");
  }
  expect(told[0]?.type).toBe("starting");
  expect(told.at(-1)).toEqual({ type: "ended", end: { how: "stopped", reason: "Enough." } });
  await nothingIsLeft();
});

test("a run that nobody follows is stopped", async () => {
  const run = await start("rest-token", { "plugin.py": "import time\ntime.sleep(60)\n" });
  await expect.poll(() => run.ended, SOON).toBe(true);
  const told: RunEvent[] = [];
  for await (const [, event] of run.follow(0, new AbortController().signal)) told.push(event);
  const reason = "Nobody looked at it any more.";
  expect(told.at(-1)).toEqual({ type: "ended", end: { how: "stopped", reason } });
  await nothingIsLeft();
});
