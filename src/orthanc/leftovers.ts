/** For tests: what is still there of a private Orthanc that should be gone. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";

/** What a private Orthanc occupied. */
export interface Occupied {
  /** Its private folder, or any folder above that. */
  folder: string;
  ports?: number[];
  pids?: number[];
}

/**
 * What is left, each in a few words: the folder, ports on which somebody listens, the processes named, and every
 * process whose program, environment, working directory or open files are in the folder.
 */
export async function leftovers({ folder, ports = [], pids = [] }: Occupied): Promise<string[]> {
  const left = processesIn(folder);
  left.push(...pids.filter(isRunning).map((pid) => `process ${pid}`));
  for (const port of ports) if (await listens(port)) left.push(`port ${port}`);
  if (existsSync(folder)) left.push(`folder ${folder}`);
  return left;
}

/** The other processes of this machine that have to do with a folder. */
export function processesIn(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const command = textOf(() => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
    const traces = [
      command,
      textOf(() => readFileSync(`/proc/${pid}/environ`, "latin1")),
      textOf(() => readlinkSync(`/proc/${pid}/cwd`)),
      ...namesOf(`/proc/${pid}/fd`).map((fd) =>
        textOf(() => readlinkSync(`/proc/${pid}/fd/${fd}`)),
      ),
    ];
    if (traces.some((trace) => trace.includes(folder))) {
      found.push(`process ${pid}: ${command.replaceAll("\0", " ").trim()}`);
    }
  }
  return found;
}

/** Whether a process runs; one that has ended but was not yet waited for does not. */
export function isRunning(pid: number): boolean {
  const status = textOf(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  return status !== "" && !/\) [ZX] /.test(status);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** What can be read of a process: nothing where it is another user's, or ended in the meantime. */
function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
