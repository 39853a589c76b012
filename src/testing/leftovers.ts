/** Finds what is left of a private Orthanc that should be gone. */
import { existsSync } from "node:fs";
import { connect } from "node:net";
import {
  commandLine,
  environment,
  isRunning,
  openFiles,
  processIds,
  workingFolder,
} from "../linux/processes.js";

/** The resources of a private Orthanc. */
export interface Occupied {
  /** Its private folder, or any folder above that. */
  folder: string;
  ports?: number[];
  pids?: number[];
}

/**
 * Lists what is left, each in a few words: the folder, ports on which a program listens, the given processes, and
 * every process whose command line, environment, working directory or open files are in the folder.
 */
export async function leftovers({ folder, ports = [], pids = [] }: Occupied): Promise<string[]> {
  const left = processesIn(folder);
  left.push(...pids.filter(isRunning).map((pid) => `process ${pid}`));
  for (const port of ports) if (await isTaken(port)) left.push(`port ${port}`);
  if (existsSync(folder)) left.push(`folder ${folder}`);
  return left;
}

/** Lists the other processes of this machine that use a folder. */
export function processesIn(folder: string): string[] {
  return processIds().flatMap((pid) => {
    if (pid === process.pid) return [];
    const command = commandLine(pid);
    const traces = [command, ...environment(pid), workingFolder(pid), ...openFiles(pid)];
    return traces.some((trace) => trace.includes(folder)) ? [`process ${pid}: ${command}`] : [];
  });
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
