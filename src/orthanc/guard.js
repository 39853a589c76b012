/**
 * Stands between a program and the Orthanc that it started. It is told what to start in one line of JSON on its
 * standard input, and ends Orthanc, all its descendants and its folder when that input closes: when the program
 * asks for it, and also when the program crashes or is killed. It answers with lines of JSON:
 * `{"pid": …}` once Orthanc runs, `{"ended": …, "log": …}` when it has ended, for its folder goes with it.
 *
 * Plain JavaScript, so that it starts without a loader on every Node.
 */
import { spawn } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** How long Orthanc may take to end by itself, in milliseconds. */
const GRACE = 8_000;

/** @typedef {{command: string, args: string[], env: Record<string, string>, folder: string, log: string}} Task */

const lines = createInterface({ input: process.stdin });
const first = await new Promise((resolve) => {
  lines.once("line", resolve);
  lines.once("close", () => resolve(undefined));
});
if (!first) process.exit();
/** @type {Task} */
const task = JSON.parse(first);

// A terminal's Ctrl-C and hang-up are for the program that started us.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
process.stdout.on("error", () => {});

const log = openSync(task.log, "a");
const orthanc = spawn(task.command, task.args, {
  cwd: task.folder,
  env: task.env,
  stdio: ["ignore", log, log],
  detached: true,
});
const ended = new Promise((resolve) => {
  orthanc.once("error", (error) => resolve(error.message));
  orthanc.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
});
if (orthanc.pid) say({ pid: orthanc.pid });

await Promise.race([ended, new Promise((resolve) => lines.once("close", resolve))]);
orthanc.kill("SIGTERM");
await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
await killAll();
say({ ended: await ended, log: readFileSync(task.log, "utf8") });
rmSync(task.folder, { recursive: true, force: true, maxRetries: 5 });
// Where Orthanc ended by itself, the standard input is still open and would keep this process alive.
process.exit();

/** @param {object} message */
function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Kills Orthanc's process group and whatever else inherited its environment, until nothing is left. */
async function killAll() {
  for (let round = 0; round < 20; round++) {
    const pids = descendants();
    if (orthanc.exitCode === null && orthanc.signalCode === null && orthanc.pid)
      pids.push(orthanc.pid);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended in the meantime.
      }
    }
    await sleep(50);
  }
}

/**
 * The processes whose environment names Orthanc's private folder: also those that left its process group or
 * whose parent is gone. Empty where the system has no /proc.
 */
function descendants() {
  if (!existsSync("/proc")) return [];
  const mark = `TMPDIR=${task.env.TMPDIR}\0`;
  const pids = [];
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${name}/environ`, "latin1").includes(mark)) pids.push(Number(name));
    } catch {
      // Another user's, or ended in the meantime.
    }
  }
  return pids.filter((pid) => pid !== process.pid);
}
