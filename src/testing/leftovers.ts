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
import { LISTEN, portIn, tcpSockets } from "../linux/sockets.ts";
import type { Orthanc } from "../orthanc/server.ts";

/** The resources of a private Orthanc. */
export interface Occupied {
  /** Its private folder, or any folder above that. */
  folder: string;
  ports?: number[];
  pids?: number[];
}

/** The resources of an Orthanc as it is now. */
export function occupiedBy({ folder, pid, ports }: Orthanc): Occupied {
  return { folder, pids: [pid], ports: Object.values(ports) };
}

/**
 * Lists what is left, each in a few words: the folder, ports on which a process listens that is not known to be
 * another program, the given processes, and every process that uses the folder.
 */
export function leftovers({ folder, ports = [], pids = [] }: Occupied): string[] {
  const left = processesIn(folder);
  left.push(...pids.filter(isRunning).map((pid) => `process ${pid}`));
  left.push(...ports.filter((port) => isHeld(port, folder)).map((port) => `port ${port}`));
  if (existsSync(folder)) left.push(`folder ${folder}`);
  return left;
}

/**
 * Lists the other processes of this machine that use a folder: with their command line, environment, working directory
 * or open files.
 */
export function processesIn(folder: string): string[] {
  return otherProcesses()
    .filter((other) => uses(other, folder))
    .map(({ pid, command }) => `process ${pid}: ${command}`);
}

/**
 * Tells if a process listens on a port that may use the folder. On a machine with many programs, another one may take a
 * port as soon as it is free.
 */
function isHeld(port: number, folder: string): boolean {
  const sockets = tcpSockets()
    .filter(({ state, local }) => state === LISTEN && portIn(local) === port)
    .map(({ inode }) => `socket:[${inode}]`);
  const processes = sockets.length > 0 ? otherProcesses() : [];
  return sockets.some((socket) => {
    const holders = processes.filter(({ traces }) => traces.includes(socket));
    return holders.length === 0 || holders.some((holder) => uses(holder, folder));
  });
}

interface TracedProcess {
  pid: number;
  command: string;
  /** The texts that reveal what the process uses. */
  traces: string[];
}

/**
 * Reads the processes of this machine, except this one and those that have started it: one of them may look into any
 * folder of the tests.
 */
function otherProcesses(): TracedProcess[] {
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

function uses({ traces }: TracedProcess, folder: string): boolean {
  return traces.some((trace) => trace.includes(folder));
}
