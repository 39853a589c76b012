/** Programs that a download starts, and that end with it. */
import { execa, type Options } from "execa";

/** The programs that this process has started. Each leads a process group. */
const running = new Set<number>();

/** Starts a program that can be ended together with its children. */
export function startProgram<Given extends Options>(
  command: string,
  args: string[],
  options?: Given,
) {
  const program = execa(command, args, { ...options, detached: true } as Given);
  const { pid } = program;
  if (pid) {
    running.add(pid);
    program.catch(() => {}).finally(() => running.delete(pid));
  }
  return program;
}

/** Kills all programs that this process has started, and their children. */
export function killPrograms(): void {
  for (const pid of running) killGroup(pid);
}

/** Kills a process group, unless it has ended. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}
