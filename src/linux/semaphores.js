// @ts-check
/**
 * Named semaphores of Python's multiprocessing that no process will remove any more. Plain JavaScript, because the
 * guard imports it.
 */
import { readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { memoryMap, processIds } from "./processes.js";

/** Linux keeps named semaphores here. */
const SHARED_MEMORY = "/dev/shm";

/**
 * Removes the semaphores of multiprocessing that this account has made since a moment and that no process has open. A
 * pool that spawns its workers names its semaphores, and an Orthanc that is killed can't remove them.
 *
 * @param {number} since milliseconds since 1970
 */
export function removeLostSemaphores(since) {
  const lost = new Map(
    sharedMemory()
      .filter((name) => name.startsWith("sem.mp-"))
      .map((name) => path.join(SHARED_MEMORY, name))
      .flatMap((file) => {
        const status = statSync(file, { throwIfNoEntry: false });
        const ours = status?.uid === process.getuid?.();
        return status && ours && status.ctimeMs >= since ? [[status.ino, file]] : [];
      }),
  );
  if (lost.size === 0) return;
  // Identified by inode: the process that made a semaphore has it mapped under its first, temporary name.
  for (const pid of processIds()) {
    for (const [, inode] of memoryMap(pid).matchAll(/ (\d+) +\/dev\/shm\//g)) {
      lost.delete(Number(inode));
    }
  }
  for (const file of lost.values()) rmSync(file, { force: true });
}

/**
 * Lists the files in shared memory: in the mount namespace of a process, or in that of this one.
 *
 * @param {number} [pid]
 * @returns {string[]} names; none on a system without shared memory
 */
export function sharedMemory(pid) {
  try {
    return readdirSync(pid === undefined ? SHARED_MEMORY : `/proc/${pid}/root${SHARED_MEMORY}`);
  } catch {
    return [];
  }
}
