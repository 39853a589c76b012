// @ts-check
/**
 * Stands between a program and the Orthanc that it has started. The guard reads what to start from one line of JSON on
 * its standard input. When that input closes, it ends Orthanc, all of Orthanc's descendants, and removes the folder:
 * this happens if the program asks for it, and also if the program crashes or is killed.
 *
 * Further lines are commands: `kill` ends everything without a period of grace; `restart` kills Orthanc alone and
 * starts it again on what it left behind. The guard answers with lines of JSON: `{"pid": …}` whenever Orthanc is
 * running, and `{"ended": …, "log": …, "left": …}` when it has ended, because the log disappears with the folder.
 * `left` is what the guard itself had to end or remove. A guard whose task has no command ends what a killed guard has
 * left.
 *
 * Plain JavaScript, because it starts without a loader on every Node.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
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
import { commandLine, environment, runningProcesses, workingFolder } from "../linux/processes.js";
import { removeLostSemaphores } from "../linux/semaphores.js";

/** The time that Orthanc has to end by itself, in milliseconds. */
const GRACE = 8_000;
/** The time by which Orthanc's descendants may outlive it, in milliseconds. */
const LAST_GRACE = 1_000;
/** The time limit for killing all of them, in milliseconds: they may start others meanwhile. */
const KILL_LIMIT = 10_000;
/**
 * The memory that one process may reserve, as a multiple of what it may use: from Node 24 on, V8 reserves half a
 * gigabyte for the code of each thread.
 */
const RESERVED = 8;
/** The pause between two checks of the limits, in milliseconds. */
const CHECK_INTERVAL = 250;
/** The maximum size of the log that is passed on when Orthanc has ended, in bytes. */
const LOG_LIMIT = 4_000_000;
/** The maximum length of a command line in a report, in characters. */
const COMMAND_LIMIT = 200;

/**
 * @typedef {object} Task
 * @property {string} [command] without it, nothing is started
 * @property {string[]} args
 * @property {Record<string, string>} env
 * @property {string} folder Orthanc's private folder, which does not exist yet
 * @property {string[]} folders to create in it
 * @property {Record<string, string>} files to write there: path below the folder to text
 * @property {Record<string, string>} links to create there: path below the folder to target
 * @property {string} log a file
 * @property {Limits} [limits] beyond them, Orthanc and all of its descendants are killed
 *
 * @typedef {object} Limits
 * @property {number} processes the maximum number of processes at once, including Orthanc
 * @property {number} memory the maximum of their total memory, in bytes
 * @property {number} log the maximum size of their output, in bytes
 */

const commands = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = (await commands.next()).value;
if (!first) process.exit();
/** @type {Task} */
const task = JSON.parse(first);
const began = Date.now();

// Ctrl-C and hang-up in a terminal are meant for the program that started the guard.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
process.stdout.on("error", () => {});

/** @type {import("node:child_process").ChildProcess | undefined} */
let orthanc;
/**
 * Orthanc's descendants at the time when it was asked to stop: process id to start time.
 *
 * @type {Map<number, string>}
 */
let before = new Map();
/** Orthanc's private folder, without symbolic links. */
let folder = existsSync(task.folder) ? realpathSync(task.folder) : task.folder;
if (!task.command) {
  await killAll();
  rmSync(task.folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}
const log = prepareFolder();
folder = realpathSync(task.folder);
/**
 * The limit that was exceeded, in words.
 *
 * @type {string | undefined}
 */
let exceeded;
/** @type {Promise<string>} */
let ended;
/** @type {string | undefined} */
let command;
do {
  orthanc = spawn(task.command, task.args, {
    cwd: task.folder,
    env: task.env,
    stdio: ["ignore", log, log],
    detached: true,
  });
  ended = endingOf(orthanc);
  if (orthanc.pid) report({ pid: orthanc.pid });
  if (task.limits && orthanc.pid) enforceLimits(orthanc.pid, task.limits);
  const next = await Promise.race([commands.next(), ended]);
  command = typeof next === "string" ? undefined : next.value;
  if (command === "restart") orthanc.kill("SIGKILL");
} while (command === "restart" && (await ended));
before = new Map(descendants().map(({ pid, start }) => [pid, start]));
orthanc.kill("SIGTERM");
if (command !== "kill") await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
const left = command === "kill" ? [] : await findLeftovers();
await killAll();
removeLostSemaphores(began);
const reported = report({ ended: exceeded ?? (await ended), log: endOfLog(), left });
rmSync(task.folder, { recursive: true, force: true, maxRetries: 5 });
// Writing a long log takes a while.
await reported;
// If Orthanc has ended by itself, the standard input is still open and would keep this process alive.
process.exit();

/**
 * Waits for the end of a process, and describes it.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<string>}
 */
function endingOf(child) {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

/** Creates Orthanc's folder with its first files, and opens the log. */
function prepareFolder() {
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
    report({ ended: /** @type {Error} */ (error).message });
    process.exit();
  }
}

/** Reads the end of the log: a plugin may have printed more than fits into memory. */
function endOfLog() {
  // A plugin may have removed it.
  if (!existsSync(task.log)) return "";
  const { size } = statSync(task.log);
  const bytes = Buffer.alloc(Math.min(size, LOG_LIMIT));
  const file = openSync(task.log, "r");
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString();
}

/**
 * Sends a message to the program. Settles when it is written, or when the program no longer reads.
 *
 * @param {object} message
 */
function report(message) {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(message)}\n`, resolve));
}

/** Kills Orthanc and its descendants until none is left. */
async function killAll() {
  orthanc?.kill("SIGKILL");
  const end = Date.now() + KILL_LIMIT;
  while (Date.now() < end) {
    const found = descendants();
    if (found.length === 0) return;
    // Whole groups at once: one by one, processes may be started faster than they are killed.
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

/** Describes the descendants of Orthanc that are still running, and the files left in its temporary folder. */
async function findLeftovers() {
  const started = () => descendants().filter(({ pid }) => pid !== orthanc?.pid);
  const end = Date.now() + LAST_GRACE;
  while (Date.now() < end && started().length > 0) await sleep(20);
  const processes = started().map(({ pid }) => {
    const command = commandLine(pid).slice(0, COMMAND_LIMIT);
    return `process ${pid}, ${command || "which is ending"}`;
  });
  const { TMPDIR: temporary = "" } = task.env;
  const files = existsSync(temporary) ? readdirSync(temporary) : [];
  return [...processes, ...files.map((name) => `temporary file ${name}`)];
}

/**
 * Keeps Orthanc and its descendants within limits. Linux enforces two limits for ordinary users: how many processes
 * an account may have, and how much memory one process may reserve. The others are checked here.
 *
 * @param {number} pid Orthanc's
 * @param {Limits} limits
 */
function enforceLimits(pid, { processes, memory, log: printed }) {
  const ours = runningProcesses().filter((one) => one.ours);
  const threads = ours.reduce((sum, one) => sum + one.threads, 0);
  const options = [`--nproc=${threads + 10 * processes}`, `--data=${RESERVED * memory}`];
  spawn("prlimit", ["--pid", String(pid), ...options], { stdio: "ignore" }).on("error", () => {});
  const checking = setInterval(() => {
    const found = descendants();
    const used = found.reduce((sum, one) => sum + one.memory, 0);
    if (found.length > processes) exceeded = `it had more than ${processes} processes`;
    else if (used > memory) exceeded = `it used more than ${memory / 1_000_000} MB of memory`;
    else if (fstatSync(log).size > printed)
      exceeded = `it printed more than ${printed / 1_000_000} MB`;
    else return;
    clearInterval(checking);
    killAll();
  }, CHECK_INTERVAL);
  ended.then(() => clearInterval(checking));
}

/**
 * Finds Orthanc and all of its descendants:
 * - the children of this process, and theirs. This includes processes whose parents have ended, if Linux makes such
 *   processes the children of this one;
 * - otherwise, processes whose environment names Orthanc's private folder;
 * - processes without a terminal that work in that folder;
 * - processes that were descendants when Orthanc was asked to stop, even if they have left its process group.
 *
 * @returns {(import("../linux/processes.js").Process & { own: boolean })[]} `own`: a descendant of Orthanc has created
 * its process group
 */
function descendants() {
  const processes = runningProcesses();
  const family = new Set([process.pid]);
  for (const member of family) {
    for (const { pid, parent } of processes) if (parent === member) family.add(pid);
  }
  const guard = processes.find(({ pid }) => pid === process.pid);
  return processes
    .filter((one) => {
      if (one === guard) return false;
      return family.has(one.pid) || before.get(one.pid) === one.start || belongsToFolder(one);
    })
    .map((one) => ({
      ...one,
      // As the id of a group to kill, 0 is this process's own group, and 1 all processes.
      own: family.has(one.pid) && one.group > 1 && one.group !== guard?.group,
    }));
}

/**
 * Tells if a process has Orthanc's private folder in its environment, or works there, as one does that was started
 * with another environment. A process with a terminal is the reader's own, who looks around there.
 *
 * @param {import("../linux/processes.js").Process} process
 */
function belongsToFolder({ pid, terminal }) {
  if (environment(pid).includes(`TMPDIR=${task.env.TMPDIR}`)) return true;
  return !terminal && workingFolder(pid) === folder;
}
