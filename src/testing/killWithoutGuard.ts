import { expect } from "vitest";
import { isRunning, readProcess } from "../linux/processes.js";
import type { Orthanc } from "../orthanc/server.ts";

/**
 * Kills an Orthanc, and expects that these processes end by themselves. The guard, which would end them as well, is
 * stopped meanwhile.
 */
export async function killWithoutGuard({ pid }: Orthanc, pids: number[]): Promise<void> {
  const guard = readProcess(pid)?.parent as number;
  process.kill(guard, "SIGSTOP");
  try {
    process.kill(pid, "SIGKILL");
    await expect.poll(() => pids.filter(isRunning), { timeout: 5000 }).toEqual([]);
  } finally {
    process.kill(guard, "SIGCONT");
  }
}
