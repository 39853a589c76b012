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
 * The ids of those descendants that have no children: the workers, or Node where its workers are threads. The
 * helper of `pool.py` is none, even when all of its workers have been killed.
 */
export function workers(orthanc: Orthanc): number[] {
  const all = running();
  return descendants(orthanc).filter(
    (pid) => childrenOf(pid, all).length === 0 && nameOf(pid) !== "pool-helper",
  );
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
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
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
  } catch {
    return [];
  }
}
