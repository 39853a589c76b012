/** The memory of processes, in bytes; 0 for a process that has ended. */
import { readFile, writeFile } from "node:fs/promises";
import { statusField } from "./processes.js";

const KIB = 1024;

/** The memory that a process has in RAM. */
export function residentMemory(pid: number): number {
  return kibibytes(statusField(pid, "VmRSS"));
}

/** The maximum memory that a process has had in RAM, since its start or the last `resetPeakMemory`. */
export function peakMemory(pid: number): number {
  return kibibytes(statusField(pid, "VmHWM"));
}

/** Makes Linux forget the peak of a process's memory (proc(5), `clear_refs`). */
export async function resetPeakMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}

/** The memory of a process in RAM, with its share of the pages that it has in common with other processes. */
export async function proportionalMemory(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return kibibytes(/^Pss: +(\d+ kB)/m.exec(text)?.[1]);
}

function kibibytes(text = "0 kB"): number {
  return Number.parseInt(text, 10) * KIB;
}
