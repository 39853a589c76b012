/** What the processes of a private Orthanc are doing, as Linux tells it. */
import { readdirSync, readFileSync } from "node:fs";
import type { Orthanc } from "../orthanc/server.ts";

/** Linux counts processor time in units of 10 ms. */
const TICK = 10;

/** The ids of Orthanc's descendants, without its own. */
export function descendants(orthanc: Orthanc): number[] {
  const found = [orthanc.pid];
  const all = running();
  for (const pid of found) found.push(...childrenOf(pid, all));
  return found.slice(1);
}

/**
 * The ids of those descendants that have no children: the worker processes. Neither Node is one, whose workers may be
 * threads, nor the helper of `pool.py`, even when all of its workers have been killed.
 */
export function workers(orthanc: Orthanc): number[] {
  const all = running();
  return descendants(orthanc).filter(
    (pid) => childrenOf(pid, all).length === 0 && !startedByOurs(pid, all.get(pid)),
  );
}

/** Whether a process is Node as `bridge.py` starts it, or the helper of `pool.py`. */
function startedByOurs(pid: number, parent?: number): boolean {
  const variable = "ORTHANC_PLUGIN_SOCKET=";
  const has = (one?: number) => read(`/proc/${one}/environ`).includes(variable);
  // What Node starts has the variable, too.
  return read(`/proc/${pid}/comm`).trim() === "pool-helper" || (has(pid) && !has(parent));
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // The process has ended.
  }
}

/** All processes of this machine: id to the parent's id. */
function running(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const [state, parent] = stat(Number(name));
    if (state && state !== "Z") parents.set(Number(name), Number(parent));
  }
  return parents;
}

function childrenOf(pid: number, parents: Map<number, number>): number[] {
  return [...parents].filter(([, parent]) => parent === pid).map(([child]) => child);
}

/** The processor time that Orthanc and its descendants have used so far, in milliseconds. */
export function processorTime(orthanc: Orthanc): number {
  const pids = [orthanc.pid, ...descendants(orthanc)];
  return pids.reduce((sum, pid) => {
    const fields = stat(pid);
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK;
  }, 0);
}

/** The fields of /proc/PID/stat that follow the program's name; none where the process has ended. */
function stat(pid: number): string[] {
  return read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ")
    .filter(Boolean);
}
