/** Folders that exist only when they are complete, whatever happens while they are made. */
import { readdirSync, rmSync } from "node:fs";
import { access, mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { commandLine, processIds } from "../linux/processes.js";
import { killGroup, killPrograms } from "./programs.ts";

/**
 * Makes a folder: a folder that exists is complete. If this process ends before, nothing is left. If it is killed, the next
 * call for a folder beside it removes what is left.
 *
 * @param folder its path; its parent is created if necessary
 * @param fill makes the folder's content in an empty folder beside it, and returns the path that becomes `folder`
 */
export async function makeWholeFolder(
  folder: string,
  fill: (partial: string) => Promise<string>,
): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  removeAbandoned(path.dirname(folder));
  const partial = `${folder}.partial-${process.pid}`;
  const interrupted = () => {
    killPrograms();
    remove(partial);
  };
  process.once("exit", interrupted);
  try {
    await mkdir(partial);
    const made = await fill(partial);
    await rename(made, folder).catch(async (error) => {
      // Another process may have been faster.
      if (!(await exists(folder))) throw error;
    });
  } finally {
    process.off("exit", interrupted);
    remove(partial);
  }
}

/** Removes what processes have left in a folder that were killed before they could clean up. */
export function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /\.(?:partial|link)-(\d+)$/.exec(name)?.[1];
    if (!pid || isRunning(Number(pid))) continue;
    const left = path.join(folder, name);
    // apt-get outlives the process that has started it.
    for (const program of processesFrom(left)) killGroup(program);
    remove(left);
  }
}

/** Finds the processes whose command line contains a folder, as that of every program does that runs from there. */
export function processesFrom(folder: string): number[] {
  return processIds().filter((pid) => commandLine(pid).includes(`${folder}/`));
}

/** Removes a folder, even if programs that were just killed still write a last file to it. */
export function remove(folder: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

/** Tells if there is a file or folder at a path. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
