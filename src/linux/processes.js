// @ts-check
/**
 * Reads the processes of this machine from Linux's `/proc`. A reader returns nothing (an empty text or list,
 * undefined) if the process has ended, if its data belongs to another account, or if the system has no `/proc`.
 *
 * Plain JavaScript, because the guard imports it, which starts without a loader on every Node.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/** The size of a memory page in bytes, as `/proc` counts them. */
const PAGE = 4096;
/** The unit of processor time in `/proc`, in milliseconds. */
const TICK = 10;

/**
 * A process that has not ended.
 *
 * @typedef {object} Process
 * @property {number} pid
 * @property {number} parent the id of its parent
 * @property {number} group the id of its process group
 * @property {string} start when it was started: distinguishes it from a later process with the same id
 * @property {boolean} ours it belongs to the account of this process
 * @property {boolean} terminal it has a controlling terminal
 * @property {number} threads
 * @property {number} memory resident memory in bytes
 * @property {number} processorTime used so far, in milliseconds
 */

/**
 * The ids of all processes of this machine, including those that have ended but whose parent has not yet noticed.
 *
 * @returns {number[]}
 */
export function processIds() {
  return namesIn("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * All processes of this machine that have not ended.
 *
 * @returns {Process[]}
 */
export function runningProcesses() {
  return processIds().flatMap((pid) => readProcess(pid) ?? []);
}

/**
 * Reads one process.
 *
 * @param {number} pid
 * @returns {Process | undefined}
 */
export function readProcess(pid) {
  // The name of the program, in parentheses, may contain anything. The fields after it are described in proc(5).
  const [state, ...fields] = textOf(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  if (!state || state === "Z" || state === "X") return undefined;
  /** @param {number} index */
  const number = (index) => Number(fields[index]);
  return {
    pid,
    parent: number(0),
    group: number(1),
    terminal: number(3) !== 0,
    processorTime: (number(10) + number(11)) * TICK,
    threads: number(16),
    start: fields[18] ?? "",
    memory: number(20) * PAGE,
    ours: statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === process.getuid?.(),
  };
}

/**
 * @param {number} pid
 * @returns {boolean} false for a process that has ended but whose parent has not yet noticed
 */
export function isRunning(pid) {
  return readProcess(pid) !== undefined;
}

/**
 * The ids of the descendants of a process, without its own.
 *
 * @param {number} pid
 * @returns {number[]}
 */
export function descendants(pid) {
  const processes = runningProcesses();
  const found = [pid];
  for (const ancestor of found) {
    for (const { pid, parent } of processes) if (parent === ancestor) found.push(pid);
  }
  return found.slice(1);
}

/**
 * The processor time that a process and its descendants have used so far, in milliseconds.
 *
 * @param {number} pid
 * @returns {number}
 */
export function processorTime(pid) {
  return [pid, ...descendants(pid)].reduce(
    (sum, one) => sum + (readProcess(one)?.processorTime ?? 0),
    0,
  );
}

/**
 * The program and its arguments, separated by spaces.
 *
 * @param {number} pid
 * @returns {string}
 */
export function commandLine(pid) {
  return textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
}

/**
 * The name of the program, which may have set another one itself.
 *
 * @param {number} pid
 * @returns {string}
 */
export function programName(pid) {
  return textOf(`/proc/${pid}/comm`).trim();
}

/**
 * The environment that a process was started with: `NAME=value` for each variable.
 *
 * @param {number} pid
 * @returns {string[]}
 */
export function environment(pid) {
  return textOf(`/proc/${pid}/environ`).split("\0").filter(Boolean);
}

/**
 * The value of a variable in the environment that a process was started with.
 *
 * @param {number} pid
 * @param {string} name
 * @returns {string | undefined}
 */
export function environmentVariable(pid, name) {
  return environment(pid)
    .find((variable) => variable.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

/**
 * The working directory of a process.
 *
 * @param {number} pid
 * @returns {string}
 */
export function workingFolder(pid) {
  return targetOf(`/proc/${pid}/cwd`);
}

/**
 * Lists what a process has open: paths, and names such as `socket:[4242]`.
 *
 * @param {number} pid
 * @returns {string[]}
 */
export function openFiles(pid) {
  return namesIn(`/proc/${pid}/fd`).map((name) => targetOf(`/proc/${pid}/fd/${name}`));
}

/**
 * The memory map of a process: a line for each region, with the inode and path of a mapped file.
 *
 * @param {number} pid
 * @returns {string}
 */
export function memoryMap(pid) {
  return textOf(`/proc/${pid}/maps`);
}

/**
 * A field of a process's status, such as `VmRSS`.
 *
 * @param {number} pid
 * @param {string} name
 * @returns {string | undefined}
 */
export function statusField(pid, name) {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(textOf(`/proc/${pid}/status`))?.[1];
}

/**
 * The kernel function that a process is waiting in.
 *
 * @param {number} pid
 * @returns {string}
 */
export function waitChannel(pid) {
  return textOf(`/proc/${pid}/wchan`);
}

/**
 * The name of the mount namespace of a process.
 *
 * @param {number} pid
 * @returns {string}
 */
export function mountNamespace(pid) {
  return targetOf(`/proc/${pid}/ns/mnt`);
}

/**
 * @param {string} file
 * @returns {string}
 */
function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/**
 * @param {string} link
 * @returns {string}
 */
function targetOf(link) {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
