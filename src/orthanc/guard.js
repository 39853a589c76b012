/**
 * Stands between a program and the Orthanc that it started. It is told what to start in one line of JSON on its
 * standard input, and ends Orthanc, all its descendants and its folder when that input closes: when the program
 * asks for it, and also when the program crashes or is killed. Further lines are orders: `kill` has it kill them
 * without waiting for their own end, `restart` has it kill Orthanc alone and start it again on what that left. It
 * answers with lines of JSON: `{"pid": …}` whenever Orthanc runs, `{"ended": …, "log": …, "left": …}` when it has
 * ended, for its folder goes with it. What is left is what it had to end or to remove itself.
 *
 * Plain JavaScript, so that it starts without a loader on every Node.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** How long Orthanc may take to end by itself, in milliseconds. */
const GRACE = 8_000;
/** How long what Orthanc has started may outlive it, in milliseconds. */
const LAST_GRACE = 1_000;
/** How much of the log is handed on when Orthanc has ended, in bytes. */
const LOG_LIMIT = 4_000_000;

/**
 * @typedef {object} Task
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} env
 * @property {string} folder Orthanc's private one, which is not there yet
 * @property {string[]} folders to be made in it
 * @property {Record<string, string>} files to be written there: path below the folder to text
 * @property {Record<string, string>} links to be made there: path below the folder to what it points to
 * @property {string} log a file
 */

const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = (await orders.next()).value;
if (!first) process.exit();
/** @type {Task} */
const task = JSON.parse(first);

// A terminal's Ctrl-C and hang-up are for the program that started us.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
process.stdout.on("error", () => {});

const log = prepared();
const folder = realpathSync(task.folder);
let orthanc;
let ended;
let order;
do {
  orthanc = spawn(task.command, task.args, {
    cwd: task.folder,
    env: task.env,
    stdio: ["ignore", log, log],
    detached: true,
  });
  ended = endOf(orthanc);
  if (orthanc.pid) say({ pid: orthanc.pid });
  order = (await Promise.race([orders.next(), ended])).value;
  if (order === "restart") orthanc.kill("SIGKILL");
} while (order === "restart" && (await ended));
const family = familyOf(orthanc.pid);
orthanc.kill("SIGTERM");
if (order !== "kill") await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
const left = order === "kill" ? [] : await leftBehind();
await killAll();
const said = say({ ended: await ended, log: lastWords(), left });
rmSync(task.folder, { recursive: true, force: true, maxRetries: 5 });
// A long log is not written at once.
await said;
// Where Orthanc ended by itself, the standard input is still open and would keep this process alive.
process.exit();

/**
 * How a process ends, in words.
 *
 * @param {import("node:child_process").ChildProcess} child
 */
function endOf(child) {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

/** Makes Orthanc's folder, with the files that it starts with, and opens its log. */
function prepared() {
  try {
    mkdirSync(task.folder, { mode: 0o700 });
    for (const folder of task.folders) mkdirSync(folder);
    for (const [name, text] of Object.entries(task.files)) {
      writeFileSync(path.join(task.folder, name), text, { mode: 0o600 });
    }
    for (const [name, target] of Object.entries(task.links)) {
      symlinkSync(target, path.join(task.folder, name));
    }
    return openSync(task.log, "a");
  } catch (error) {
    rmSync(task.folder, { recursive: true, force: true });
    say({ ended: error.message });
    process.exit();
  }
}

/** The end of the log: a plugin may have printed more than fits into memory. */
function lastWords() {
  const { size } = statSync(task.log);
  const bytes = Buffer.alloc(Math.min(size, LOG_LIMIT));
  const file = openSync(task.log, "r");
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString();
}

/**
 * Settles when the message is written, or nobody reads any more.
 *
 * @param {object} message
 */
function say(message) {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(message)}\n`, resolve));
}

/** Kills Orthanc and all that it has started, until nothing is left. */
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

/** What is still there of what Orthanc has started, and in its temporary folder: each in a few words. */
async function leftBehind() {
  const started = () => descendants().filter((pid) => pid !== orthanc.pid);
  const end = Date.now() + LAST_GRACE;
  while (Date.now() < end && started().length > 0) await sleep(20);
  const processes = started().map((pid) => `process ${pid}, ${commandOf(pid)}`);
  const files = existsSync(task.env.TMPDIR) ? readdirSync(task.env.TMPDIR) : [];
  return [...processes, ...files.map((name) => `temporary file ${name}`)];
}

/** The program and the arguments of a process. */
function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim().slice(0, 200);
  } catch {
    return "which ends";
  }
}

/**
 * A process's children, their children, and so on, as they are now: id to the time of its start, which tells it
 * from a later process of the same id. Empty where the system has no /proc.
 */
function familyOf(pid) {
  const found = new Map();
  if (!existsSync("/proc")) return found;
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = [pid];
  for (const parent of parents) {
    for (const child of all.map(Number)) {
      const [, ppid, start] = statusOf(child) ?? [];
      if (ppid !== parent || found.has(child)) continue;
      found.set(child, start);
      parents.push(child);
    }
  }
  return found;
}

/** A process's state, parent and time of start; undefined where it has ended. */
function statusOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return [fields[0], Number(fields[1]), fields[19]];
  } catch {
    return undefined;
  }
}

/**
 * The processes whose environment names Orthanc's private folder, those of no terminal that work in it, and those
 * that Orthanc had started when it was told to stop: also those that left its process group or whose parent is
 * gone. Empty where the system has no /proc.
 */
function descendants() {
  if (!existsSync("/proc")) return [];
  const mark = `TMPDIR=${task.env.TMPDIR}\0`;
  const pids = [];
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [state, , start] = statusOf(name) ?? [];
      if (state === undefined || state === "Z") continue;
      const known = family.get(Number(name)) === start;
      const named = () => readFileSync(`/proc/${name}/environ`, "latin1").includes(mark);
      if (known || named() || worksThere(name)) pids.push(Number(name));
    } catch {
      // Another user's, or ended in the meantime.
    }
  }
  return pids.filter((pid) => pid !== process.pid);
}

/**
 * Whether a process works in Orthanc's private folder, as one that was started with another environment does.
 * One that has a terminal is a reader's own, who looks around there.
 *
 * @param {string} pid
 */
function worksThere(pid) {
  if (readlinkSync(`/proc/${pid}/cwd`) !== folder) return false;
  const [, , , , terminal] = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return terminal === "0";
}
