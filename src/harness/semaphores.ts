/** Semaphores of Python's multiprocessing that nobody is left to remove. */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";

/** Where Linux keeps named semaphores. */
const SHARED_MEMORY = "/dev/shm";

/**
 * Removes this user's semaphores of multiprocessing that were made since a moment and that no process has open.
 * A pool that spawns its workers names its semaphores, and an Orthanc that is killed can't remove them.
 * @param since milliseconds since 1970
 */
export function removeLostSemaphores(since: number): void {
  const files = readdirSync(SHARED_MEMORY)
    .filter((name) => name.startsWith("sem.mp-"))
    .map((name) => path.join(SHARED_MEMORY, name))
    .filter((file) => isOwn(file, since));
  if (files.length === 0) return;
  const open = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => mapsOf(pid))
    .join("");
  for (const file of files) if (!open.includes(file)) rmSync(file, { force: true });
}

function isOwn(file: string, since: number): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  return status?.uid === process.getuid?.() && (status?.ctimeMs ?? 0) >= since;
}

/** The files that a process has mapped; none where it has ended in the meantime, or is another user's. */
function mapsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/maps`, "latin1");
  } catch {
    return "";
  }
}
