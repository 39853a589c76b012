/** How a private Orthanc ends, and that nothing is left of it. */
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, type TestContext, test, vi } from "vitest";
import { isRunning } from "../linux/processes.js";
import { startCaller } from "../testing/caller.ts";
import { leftovers, occupiedBy, processesIn } from "../testing/leftovers.ts";
import { type Orthanc, startOrthanc } from "./server.ts";

/** How soon everything is gone without a call of `stop`, in milliseconds. */
const SOON = { timeout: 15_000, interval: 100 };

/** Starts an Orthanc, with a plugin of this text, that is killed at the end of the test, even if the test fails. */
async function start({ onTestFinished }: TestContext, plugin?: string): Promise<Orthanc> {
  const orthanc = await startOrthanc(
    plugin === undefined ? {} : { script: "plugin.py", files: { "plugin.py": plugin } },
  );
  onTestFinished(() => orthanc.kill());
  return orthanc;
}

/** Kills an Orthanc from outside and waits until this is noticed. */
async function kill({ pid, ended }: Orthanc): Promise<void> {
  process.kill(pid, "SIGKILL");
  await ended;
}

// An Orthanc takes seconds to end, in which it needs no processor.
describe.concurrent("a stopped Orthanc", () => {
  test("leaves nothing, and can be stopped again", async (context) => {
    const orthanc = await start(context);
    expect(leftovers(occupiedBy(orthanc))).toHaveLength(6);
    const log = await orthanc.log();
    await Promise.all([orthanc.stop(), orthanc.stop()]);
    expect(leftovers(occupiedBy(orthanc))).toEqual([]);
    await orthanc.stop();
    expect(await orthanc.ended).toBe("exit code 0");
    expect(await orthanc.log()).toContain(log);
    await expect(orthanc.request("/system")).rejects.toThrow();
  });

  test.for([
    ["a session", ["sleep", "600"], "env=None"],
    ["a session and an environment", ["sleep", "600"], "env={}"],
    ["a session and a folder, deaf to SIGTERM", ["sh", "-c", "trap '' TERM; sleep 600"], "cwd='/'"],
  ] as const)("leaves no child with its own %s", async ([_, command, others], context) => {
    for (const end of [(o: Orthanc) => o.stop(), (o: Orthanc) => kill(o)]) {
      const orthanc = await start(
        context,
        `
import subprocess, orthanc
child = subprocess.Popen(${JSON.stringify(command)}, start_new_session=True, ${others})
def answer(output, uri, **request):
    output.AnswerBuffer(str(child.pid), "text/plain")
orthanc.RegisterRestCallback("/child", answer)
`,
      );
      const child = Number(await (await orthanc.request("/child")).text());
      expect(isRunning(child)).toBe(true);
      await end(orthanc);
      expect(isRunning(child)).toBe(false);
      expect(leftovers(occupiedBy(orthanc))).toEqual([]);
    }
  });

  test.for(["pass", "time.sleep(1)"])(
    "may hang in a callback: while True: %s",
    async (body, context) => {
      const orthanc = await start(
        context,
        `
import time, orthanc
def hang(output, uri, **request):
    print("It hangs", flush=True)
    while True: ${body}
orthanc.RegisterRestCallback("/hang", hang)
`,
      );
      const request = expect(orthanc.request("/hang")).rejects.toThrow();
      await vi.waitFor(async () => expect(await orthanc.log()).toContain("It hangs"), SOON);
      const start0 = performance.now();
      await orthanc.stop();
      expect(performance.now() - start0).toBeLessThan(12_000);
      expect(await orthanc.ended).toBe("SIGKILL");
      expect(leftovers(occupiedBy(orthanc))).toEqual([]);
      await request;
    },
  );
});

test.concurrent("an Orthanc that ends by itself is noticed, and nothing is left", async (context) => {
  const killed = await start(context);
  process.kill(killed.pid, "SIGKILL");
  expect(await killed.ended).toBe("SIGKILL");
  expect(leftovers(occupiedBy(killed))).toEqual([]);
  expect(await killed.log()).toMatch(/Orthanc has started/);
  await killed.stop();

  const shutDown = await start(context);
  await shutDown.request("/tools/shutdown", { method: "POST", body: "" });
  expect(await shutDown.ended).toBe("exit code 0");
  expect(leftovers(occupiedBy(shutDown))).toEqual([]);
});

describe.concurrent("nothing is left of an Orthanc whose caller", () => {
  test.for<[string, string, (caller: ChildProcess) => void, unknown]>([
    ["is killed", "", ({ pid = 0 }) => process.kill(pid, "SIGKILL"), "SIGKILL"],
    // Like a terminal: to the caller and its whole group.
    ["gets Ctrl-C", "", ({ pid = 0 }) => process.kill(-pid, "SIGINT"), "SIGINT"],
    ["is asked to end", "", ({ pid = 0 }) => process.kill(pid, "SIGTERM"), "SIGTERM"],
    ["ends by process.exit", "process.exit(3)", () => {}, 3],
    ["throws", 'throw new Error("It is meant to throw")', () => {}, 1],
  ])("%s", async ([_, rest, end, how], { onTestFinished }) => {
    const folder = await mkdtemp(path.join(tmpdir(), "ending-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(path.join(folder, "tmp"));
    const caller = await startCaller(
      folder,
      `const { request, send, log, ended, stop, ...orthanc } = await startOrthanc();
writeSync(1, JSON.stringify(orthanc) + "\\n");
${rest}`,
    );
    onTestFinished(() => void caller.process.kill("SIGKILL"));
    const occupied = occupiedBy(JSON.parse(await caller.line) as Orthanc);
    end(caller.process);
    expect(await caller.end).toBe(how);
    await vi.waitFor(() => expect(leftovers(occupied)).toEqual([]), SOON);
    expect(processesIn(folder)).toEqual([]);
  });
});
