/** For tests: what is still there of a private Orthanc that should be gone. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The state of a listening socket in /proc/net/tcp. */
const LISTENS = "0A";

/** What a private Orthanc occupied. */
export interface Occupied {
  /** Its private folder, or any folder above that. */
  folder: string;
  ports?: number[];
  pids?: number[];
}

/**
 * What is left, each in a few words: the folder, the ports on which a process listens that is not known to be another
 * program's, the processes named, and every process whose program, environment, working directory or open files are
 * in the folder.
 */
export function leftovers({ folder, ports = [], pids = [] }: Occupied): string[] {
  const left = processesIn(folder);
  left.push(...pids.filter(isRunning).map((pid) => `process ${pid}`));
  left.push(...ports.filter((port) => isHeld(port, folder)).map((port) => `port ${port}`));
  if (existsSync(folder)) left.push(`folder ${folder}`);
  return left;
}

/** The other processes of this machine that have to do with a folder. */
export function processesIn(folder: string): string[] {
  return otherProcesses()
    .filter(({ traces }) => traces.some((trace) => trace.includes(folder)))
    .map(({ pid, command }) => `process ${pid}: ${command.replaceAll("\0", " ").trim()}`);
}

/**
 * Whether a process listens on a port that may have to do with a folder. A port that has become free may be another
 * program's at once, on a machine where many are started.
 */
function isHeld(port: number, folder: string): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = ["tcp", "tcp6"].flatMap((table) =>
    textOf(() => readFileSync(`/proc/net/${table}`, "latin1")).split("\n"),
  );
  const sockets = rows
    .map((row) => row.trim().split(/ +/))
    .filter(([, local, , state]) => state === LISTENS && local?.endsWith(`:${hex}`))
    .map((columns) => `socket:[${columns[9]}]`);
  const processes = sockets.length > 0 ? otherProcesses() : [];
  return sockets.some((socket) => {
    const holders = processes.filter(({ traces }) => traces.includes(socket));
    return (
      holders.length === 0 ||
      holders.some(({ traces }) => traces.some((trace) => trace.includes(folder)))
    );
  });
}

/**
 * All processes of this machine, with the texts that tell what they have to do with: but neither this one nor those
 * that have started it. One of them may look into any folder of the tests.
 */
function otherProcesses() {
  const ours = new Set<string>();
  for (let pid = String(process.pid); Number(pid) > 1 && !ours.has(pid); pid = parentOf(pid))
    ours.add(pid);
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => !ours.has(pid))
    .map((pid) => {
      const command = textOf(() => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
      const traces = [
        command,
        textOf(() => readFileSync(`/proc/${pid}/environ`, "latin1")),
        textOf(() => readlinkSync(`/proc/${pid}/cwd`)),
        ...namesOf(`/proc/${pid}/fd`).map((fd) =>
          textOf(() => readlinkSync(`/proc/${pid}/fd/${fd}`)),
        ),
      ];
      return { pid, command, traces };
    });
}

/** The id of a process's parent; `0` if the process has ended. */
function parentOf(pid: string): string {
  const status = textOf(() => readFileSync(`/proc/${pid}/status`, "latin1"));
  return /^PPid:\s*(\d+)/m.exec(status)?.[1] ?? "0";
}

/** Whether a process runs; one that has ended but was not yet waited for does not. */
export function isRunning(pid: number): boolean {
  const status = textOf(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  return status !== "" && !/\) [ZX] /.test(status);
}

/** What can be read of a process: nothing where it is another user's, or ended in the meantime. */
function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
