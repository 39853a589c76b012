/**
 * Stands between a program and the Orthanc that it started. It is told what to start in one line of JSON on its
 * standard input, and ends Orthanc, all its descendants and its folder when that input closes: when the program
 * asks for it, and also when the program crashes or is killed. Further lines are orders: `kill` has it kill them
 * without waiting for their own end, `restart` has it kill Orthanc alone and start it again on what that left. It
 * answers with lines of JSON: `{"pid": …}` whenever Orthanc runs, `{"ended": …, "log": …, "left": …}` when it has
 * ended, for its folder goes with it. What is left is what it had to end or to remove itself. Told to start nothing,
 * it ends what another guard has left that was killed.
 *
 * Plain JavaScript, so that it starts without a loader on every Node.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  fstatSync,
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
import { removeLostSemaphores } from "./semaphores.js";

/** How long Orthanc may take to end by itself, in milliseconds. */
const GRACE = 8_000;
/** How long what Orthanc has started may outlive it, in milliseconds. */
const LAST_GRACE = 1_000;
/** How long killing all of them may take, in milliseconds: they may start others meanwhile. */
const KILLING = 10_000;
/** How often it is looked whether the limits hold, in milliseconds. */
const LOOKS = 250;
/** A page of memory, in bytes, as Linux counts them. */
const PAGE = 4096;
/** How much of the log is handed on when Orthanc has ended, in bytes. */
const LOG_LIMIT = 4_000_000;

/**
 * @typedef {object} Task
 * @property {string} [command] without it, nothing is started
 * @property {string[]} args
 * @property {Record<string, string>} env
 * @property {string} folder Orthanc's private one, which is not there yet
 * @property {string[]} folders to be made in it
 * @property {Record<string, string>} files to be written there: path below the folder to text
 * @property {Record<string, string>} links to be made there: path below the folder to what it points to
 * @property {string} log a file
 * @property {Limits} [limits] beyond them, Orthanc and all that it has started are killed
 *
 * @typedef {object} Limits
 * @property {number} processes how many there may be at once, with Orthanc
 * @property {number} memory how much they may use together, in bytes
 * @property {number} log how much they may print, in bytes
 */

const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = (await orders.next()).value;
if (!first) process.exit();
/** @type {Task} */
const task = JSON.parse(first);
const began = Date.now();

// A terminal's Ctrl-C and hang-up are for the program that started us.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
process.stdout.on("error", () => {});

let orthanc;
/** What there was of Orthanc's when it was told to stop: id to the time of its start. */
let before = new Map();
/** Orthanc's private one, without symbolic links. */
let folder = existsSync(task.folder) ? realpathSync(task.folder) : task.folder;
if (!task.command) {
  await killAll();
  rmSync(task.folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}
const log = prepared();
folder = realpathSync(task.folder);
/** Which limit was exceeded, in words. */
let exceeded;
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
  if (task.limits && orthanc.pid) limit(orthanc.pid, task.limits);
  order = (await Promise.race([orders.next(), ended])).value;
  if (order === "restart") orthanc.kill("SIGKILL");
} while (order === "restart" && (await ended));
before = new Map(descendants().map(({ pid, start }) => [pid, start]));
orthanc.kill("SIGTERM");
if (order !== "kill") await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
const left = order === "kill" ? [] : await leftBehind();
await killAll();
removeLostSemaphores(began);
const said = say({ ended: exceeded ?? (await ended), log: lastWords(), left });
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
  // Whatever ran there may have removed it.
  if (!existsSync(task.log)) return "";
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
  orthanc?.kill("SIGKILL");
  const end = Date.now() + KILLING;
  while (Date.now() < end) {
    const found = descendants();
    if (found.length === 0) return;
    // Whole groups at once, because one by one they may be started faster than they are killed.
    const groups = found.flatMap(({ group, own }) => (own ? [-group] : []));
    for (const target of new Set([...groups, ...found.map(({ pid }) => pid)])) {
      try {
        process.kill(target, "SIGKILL");
      } catch {
        // It has ended in the meantime.
      }
    }
    await sleep(50);
  }
}

/** What is still there of what Orthanc has started, and in its temporary folder: each in a few words. */
async function leftBehind() {
  const started = () => descendants().filter(({ pid }) => pid !== orthanc.pid);
  const end = Date.now() + LAST_GRACE;
  while (Date.now() < end && started().length > 0) await sleep(20);
  const processes = started().map(({ pid }) => `process ${pid}, ${commandOf(pid)}`);
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
 * Sees to it that Orthanc and what it starts stay within limits. Linux itself holds two of them, as far as it does
 * that for ordinary users: how many processes a user may have, and how much memory one of them. The rest is looked
 * after here.
 *
 * @param {number} pid Orthanc's
 * @param {Limits} limits
 */
function limit(pid, { processes, memory, log: printed }) {
  const threads = all().reduce((sum, one) => (one.ours ? sum + one.threads : sum), 0);
  const options = [`--nproc=${threads + 10 * processes}`, `--data=${memory}`];
  spawn("prlimit", ["--pid", String(pid), ...options], { stdio: "ignore" }).on("error", () => {});
  const looking = setInterval(() => {
    const found = descendants();
    const used = found.reduce((sum, one) => sum + one.memory, 0);
    if (found.length > processes) exceeded = `it had more than ${processes} processes`;
    else if (used > memory) exceeded = `it used more than ${memory / 1_000_000} MB of memory`;
    else if (fstatSync(log).size > printed)
      exceeded = `it printed more than ${printed / 1_000_000} MB`;
    else return;
    clearInterval(looking);
    killAll();
  }, LOOKS);
  ended.then(() => clearInterval(looking));
}

/**
 * What is known of a process.
 *
 * @typedef {object} Process
 * @property {number} pid
 * @property {number} parent
 * @property {number} group the id of its process group
 * @property {string} start when it was started, which tells it from a later process of the same id
 * @property {boolean} ours whether it is of the account of this process
 * @property {number} threads
 * @property {number} memory that it uses, in bytes
 * @property {boolean} terminal whether it has one
 */

/** @returns {Process[]} all processes of this machine that have not ended; empty if the system has no /proc */
function all() {
  if (!existsSync("/proc")) return [];
  const found = [];
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ");
      if (fields[0] === "Z" || fields[0] === "X") continue;
      const [parent, group, , terminal] = fields.slice(1, 5).map(Number);
      const ours = statSync(`/proc/${name}`).uid === process.getuid();
      const [threads, memory] = [Number(fields[17]), Number(fields[21]) * PAGE];
      const pid = Number(name);
      const start = fields[19];
      found.push({ pid, parent, group, start, ours, threads, memory, terminal: terminal !== 0 });
    } catch {
      // It has ended in the meantime.
    }
  }
  return found;
}

/**
 * Orthanc and all that it has started: the children of this process and theirs, which also has those whose parents
 * have ended if it is the one that such children fall to; else those whose environment names Orthanc's private
 * folder, those of no terminal that work in it, and those that were there when Orthanc was told to stop, also if they
 * left its process group.
 *
 * @returns {(Process & { own: boolean })[]} also whether its process group is one that Orthanc's descendants have made
 */
function descendants() {
  const processes = all();
  const mark = `TMPDIR=${task.env.TMPDIR}\0`;
  const family = new Set([process.pid]);
  for (const member of family) {
    for (const { pid, parent } of processes) if (parent === member) family.add(pid);
  }
  const known = ({ pid, start }) => before.get(pid) === start;
  const marked = ({ pid, terminal }) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
      return environment.includes(mark) || (!terminal && worksThere(pid));
    } catch {
      // Another user's, or ended in the meantime.
      return false;
    }
  };
  const guard = processes.find(({ pid }) => pid === process.pid);
  return processes
    .filter((one) => one !== guard && (family.has(one.pid) || known(one) || marked(one)))
    .map((one) => ({
      ...one,
      // Linux takes 0 and 1 for something else than a group's id: for this process's group, and for all processes.
      own: family.has(one.pid) && one.group > 1 && one.group !== guard?.group,
    }));
}

/**
 * Whether a process works in Orthanc's private folder, as one that was started with another environment does.
 * One that has a terminal is a reader's own, who looks around there.
 *
 * @param {number} pid
 */
function worksThere(pid) {
  return readlinkSync(`/proc/${pid}/cwd`) === folder;
}
