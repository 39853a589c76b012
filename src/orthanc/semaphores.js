/** Semaphores of Python's multiprocessing that nobody is left to remove. Plain JavaScript, because the guard is. */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";

/** Where Linux keeps named semaphores. */
const SHARED_MEMORY = "/dev/shm";

/**
 * Removes this account's semaphores of multiprocessing that were made since a moment and that no process has open. A
 * pool that spawns its workers names its semaphores, and an Orthanc that is killed can't remove them.
 *
 * @param {number} since milliseconds since 1970
 */
export function removeLostSemaphores(since) {
  const lost = new Map(
    namesIn(SHARED_MEMORY)
      .filter((name) => name.startsWith("sem.mp-"))
      .map((name) => path.join(SHARED_MEMORY, name))
      .flatMap((file) => {
        const status = statSync(file, { throwIfNoEntry: false });
        const ours = status?.uid === process.getuid?.() && status?.ctimeMs >= since;
        return ours ? [[status.ino, file]] : [];
      }),
  );
  if (lost.size === 0) return;
  // Known by its number: the one who made it has it open under the name that it had at first.
  for (const pid of namesIn("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const [, inode] of mapsOf(pid).matchAll(/ (\d+) +\/dev\/shm\//g))
      lost.delete(Number(inode));
  }
  for (const file of lost.values()) rmSync(file, { force: true });
}

/**
 * @param {string} folder
 * @returns {string[]} nothing on a system without it
 */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The files that a process has mapped; none where it has ended in the meantime, or is another account's.
 *
 * @param {string} pid
 */
function mapsOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/maps`, "latin1");
  } catch {
    return "";
  }
}
