/** Finds what is left of a private Orthanc that should be gone. */
import { existsSync } from "node:fs";
import {
  commandLine,
  environment,
  isRunning,
  openFiles,
  processIds,
  readProcess,
  workingFolder,
} from "../linux/processes.js";
import { LISTEN, tcpSockets } from "../linux/sockets.ts";

/** The resources of a private Orthanc. */
export interface Occupied {
  /** Its private folder, or any folder above that. */
  folder: string;
  ports?: number[];
  pids?: number[];
}

/**
 * Lists what is left, each in a few words: the folder, the given processes, the ports on which a program listens that
 * is not known to be another one, and every process whose command line, environment, working directory or open files
 * are in the folder.
 */
export function leftovers({ folder, ports = [], pids = [] }: Occupied): string[] {
  const left = processesIn(folder);
  left.push(...pids.filter(isRunning).map((pid) => `process ${pid}`));
  left.push(...ports.filter((port) => isHeld(port, folder)).map((port) => `port ${port}`));
  if (existsSync(folder)) left.push(`folder ${folder}`);
  return left;
}

/** Lists the other processes of this machine that use a folder. */
export function processesIn(folder: string): string[] {
  return otherProcesses()
    .filter(({ traces }) => traces.some((trace) => trace.includes(folder)))
    .map(({ pid, command }) => `process ${pid}: ${command}`);
}

/**
 * Tells whether a program listens on a port that may have to do with a folder. On a machine where many programs are
 * started, a port that has become free may be another program's at once.
 */
function isHeld(port: number, folder: string): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const listening = tcpSockets().filter(
    ({ state, local }) => state === LISTEN && local.endsWith(`:${hex}`),
  );
  const processes = listening.length > 0 ? otherProcesses() : [];
  return listening.some(({ inode }) => {
    const holders = processes.filter(({ traces }) => traces.includes(`socket:[${inode}]`));
    const related = holders.some(({ traces }) => traces.some((trace) => trace.includes(folder)));
    return holders.length === 0 || related;
  });
}

/**
 * The other processes of this machine, with the texts that show what they have to do with. The processes that have
 * started this one are left out: one of them may look into any folder of the tests.
 */
function otherProcesses() {
  const ours = new Set([process.pid]);
  for (const pid of ours) {
    const { parent = 0 } = readProcess(pid) ?? {};
    if (parent > 1) ours.add(parent);
  }
  return processIds()
    .filter((pid) => !ours.has(pid))
    .map((pid) => {
      const command = commandLine(pid);
      const traces = [command, ...environment(pid), workingFolder(pid), ...openFiles(pid)];
      return { pid, command, traces };
    });
}
