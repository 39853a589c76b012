/** Nothing is left of a private Orthanc whose caller ends at any moment, also while it starts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commandLine, mountNamespace, processIds } from "../linux/processes.js";
import { sharedMemory } from "../linux/semaphores.js";
import { unixSocketsIn } from "../linux/sockets.ts";
import { leftovers, type Occupied } from "../testing/leftovers.ts";
import { reportProgress, scaled } from "../testing/soak.ts";

const CALLER = path.resolve(import.meta.dirname, "../testing/busyOrthanc.ts");
const SIGNALS = ["SIGKILL", "SIGINT", "SIGTERM"] as const;
/** How soon nothing is left, in milliseconds: what does not end by itself is killed after 8 seconds. */
const SOON = { timeout: 60_000, interval: 200 };

let root: string;
let room: Room;

beforeEach(async ({ skip }) => {
  root = await mkdtemp(path.join(tmpdir(), "life-"));
  await mkdir(path.join(root, "tmp"));
  const found = await makeRoom();
  if (typeof found === "string") {
    console.warn(`Skipped: ${found}`);
    return skip(found);
  }
  room = found;
});

afterEach(async () => {
  for (const pid of room?.processes() ?? []) process.kill(pid, "SIGKILL");
  room?.close();
  await rm(root, { recursive: true });
});

/**
 * A mount namespace with separate shared memory. All descendants of a program that is started in it stay in it, so that
 * none is overlooked, and no other program has a semaphore there.
 */
interface Room {
  /** Starts a program in it. */
  start(command: string[]): ChildProcess & { pid: number };
  /** The ids of the processes in it. */
  processes(): number[];
  sharedMemory(): string[];
  close(): void;
}

/** Makes a room, or says why this system has none. */
async function makeRoom(): Promise<Room | string> {
  const script = "mount -t tmpfs none /dev/shm && echo ready && exec cat";
  const options = ["--map-root-user", "--mount"];
  const trial = await execa("unshare", [...options, "true"], { reject: false });
  if (trial.failed) return `no mount namespace of a test's own: ${trial.shortMessage}`;
  const keeper = spawn("unshare", [...options, "sh", "-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(keeper.stdout, "data");
  const { pid = 0 } = keeper;
  const namespace = mountNamespace(pid);
  const enter = ["--target", String(pid), "--user", "--mount", "--preserve-credentials"];
  return {
    start: (command) => {
      const child = spawn("nsenter", [...enter, "--wd=/", ...command], {
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, TMPDIR: path.join(root, "tmp") },
        detached: true,
      });
      return child as ReturnType<Room["start"]>;
    },
    processes: () => processIds().filter((one) => one !== pid && mountNamespace(one) === namespace),
    sharedMemory: () => sharedMemory(pid),
    close: () => keeper.kill("SIGKILL"),
  };
}

/** Callers, how often each is ended, and by which of the signals first. */
const CALLERS: [title: string, kind: string, rounds: number, first: number][] = [
  ["with the Python twin and busy workers", "python", scaled(1, 70), 0],
  ["with the TypeScript twin and busy workers", "typescript", scaled(1, 70), 1],
  ["with a plugin that leaves what it can", "careless", scaled(1, 60), 2],
];

test.for(CALLERS)(
  "nothing is left of a caller that is ended at any moment: %s",
  async ([, kind, rounds, first]) => {
    const loader = import.meta.resolve("@oxc-node/core/register");
    // How long a start takes here: a first guess, then the last one observed.
    let startTime = 3000;
    for (let round = 0; round < rounds; round++) {
      const signal = SIGNALS[(first + round) % SIGNALS.length] as NodeJS.Signals;
      const polite = Math.random() < 0.5 ? ["polite"] : [];
      const group = Math.random() < 0.5 ? -1 : 1;
      // In units of a start's time: from the caller's very beginning to as long again after Orthanc's start.
      const moment = (2 * (round + Math.random())) / rounds;

      const caller = room.start([process.execPath, "--import", loader, CALLER, kind, ...polite]);
      const began = performance.now();
      const exit = once(caller, "exit");
      let occupied: Occupied | undefined;
      const started = new Promise<void>((resolve) => {
        createInterface({ input: caller.stdout as NodeJS.ReadableStream })
          .once("line", (line) => {
            occupied = JSON.parse(line);
            startTime = performance.now() - began;
            resolve();
          })
          .once("close", resolve);
      });
      if (moment < 1) await Promise.race([started, sleep(moment * startTime)]);
      else {
        await started;
        expect(occupied).toBeDefined();
        await sleep((moment - 1) * startTime);
        // The caller, the guard, Orthanc, and workers or Node.
        expect(room.processes().length).toBeGreaterThan(3);
      }
      process.kill(group * caller.pid, signal);
      await exit;

      const passed = Math.round(performance.now() - began);
      const what = `${signal} to ${group < 0 ? "its group" : "it"}, ${polite[0] ?? "impolite"}, ${passed} ms after its start`;
      await expect
        .poll(() => room.processes().map((pid) => `process ${pid}: ${commandLine(pid)}`), {
          ...SOON,
          message: what,
        })
        .toEqual([]);
      expect(await readdir(path.join(root, "tmp")), what).toEqual([]);
      expect(room.sharedMemory(), what).toEqual([]);
      expect(unixSocketsIn(root), what).toEqual([]);
      if (occupied) expect(leftovers(occupied), what).toEqual([]);
      reportProgress(`life, ${kind}: round ${round + 1} of ${rounds}, ${what}`);
    }
  },
);
