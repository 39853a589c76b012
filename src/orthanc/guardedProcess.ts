/** The process of a private Orthanc, behind its guard (`guard.js`), with which it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { keepLog } from "./secrets.ts";
import { StartError } from "./startError.ts";

/** The time limit for the guard to end everything, in milliseconds: longer than the sum of its own limits. */
const GUARD_LIMIT = 30_000;
const GUARD = path.join(import.meta.dirname, "guard.js");

/** The task of a guard. `guard.js` explains the members. */
export interface GuardTask {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  folder: string;
  folders: string[];
  files: Record<string, string>;
  links: Record<string, string>;
  log: string;
  limits?: { processes: number; memory: number; log: number };
}

/** A message of the guard. */
interface Report {
  pid?: number;
  ended?: string;
  log?: string;
  left?: string[];
}

/** A process that ends with this one, however this one ends. */
export class GuardedProcess {
  /** Settles when the process has ended and nothing of it is left: how it ended. */
  readonly ended: Promise<string>;
  readonly #task: GuardTask;
  readonly #guard: Guard;
  #pid = 0;
  #ending: string | undefined;
  #finalLog = "";
  #left: string[] = [];

  /**
   * Starts a process.
   * @throws StartError if its guard can't be started
   */
  static async start(task: GuardTask): Promise<GuardedProcess> {
    const guard = spawnGuard();
    if (guard.pid === undefined) {
      const [error] = await once(guard, "error");
      throw new StartError(`Orthanc's guard did not start (${error.message}): end other programs.`);
    }
    return new GuardedProcess(task, guard);
  }

  private constructor(task: GuardTask, guard: Guard) {
    this.#task = task;
    this.#guard = guard;
    guard.stdin.on("error", () => {});
    guard.stdin.write(`${JSON.stringify(task)}\n`);
    createInterface({ input: guard.stdout }).on("line", (line) => this.#receive(JSON.parse(line)));
    this.ended = once(guard, "close").then(() => this.#handleEnd());
  }

  /** 0 until the process has started, or has started again. */
  get pid(): number {
    return this.#pid;
  }

  /** The log's last megabytes, once the process has ended. */
  get finalLog(): string {
    return this.#finalLog;
  }

  /**
   * Ends the process and all of its descendants, and removes its folder. May be called more than once.
   * @returns the descendants and temporary files that were left when the process had ended, each in a few words
   */
  async stop(): Promise<string[]> {
    this.#guard.stdin.end();
    // A descendant of the process may have stopped the guard with a signal.
    const limit = setTimeout(() => this.#guard.kill("SIGKILL"), GUARD_LIMIT);
    await this.ended;
    clearTimeout(limit);
    return this.#left;
  }

  /** Does the same without a period of grace. */
  async kill(): Promise<void> {
    this.#guard.stdin.write("kill\n");
    await this.stop();
  }

  /** Kills the process alone and starts it again. `pid` is 0 until it has started. */
  restart(): void {
    this.#pid = 0;
    this.#guard.stdin.write("restart\n");
  }

  #receive({ pid, ended, log, left }: Report): void {
    if (pid) this.#pid = pid;
    if (ended) this.#ending = ended;
    if (log) this.#finalLog = log;
    if (left) this.#left = left;
  }

  async #handleEnd(): Promise<string> {
    keepLog(path.basename(this.#task.folder), this.#finalLog);
    if (this.#ending) return this.#ending;
    await this.#cleanUpAfterGuard();
    return "its guard was killed";
  }

  /** Ends what a guard has left that was killed itself. */
  async #cleanUpAfterGuard(): Promise<void> {
    try {
      // Orthanc leads a process group, whose id is its own.
      if (this.#pid) process.kill(-this.#pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
    const guard = spawnGuard();
    const task = { ...this.#task, command: undefined };
    guard.stdin?.on("error", () => {}).end(`${JSON.stringify(task)}\n`);
    await once(guard, "close").catch(() => {});
  }
}

type Guard = ReturnType<typeof spawnGuard>;

/** The number of Linux's system call `prctl`. */
const PRCTL: Partial<Record<NodeJS.Architecture, number>> = { x64: 157, arm64: 167 };
/** Sets `PR_SET_CHILD_SUBREAPER`, which a process keeps when it executes another program. */
const SUBREAPER = "syscall(shift, 36, 1, 0, 0, 0); exec @ARGV";
const PERL = "/usr/bin/perl";

/**
 * Starts a guard: if possible as a subreaper, the process that becomes the parent of all descendants whose own
 * parents have ended. The guard then finds them, whatever they have done to become independent. Node has no such call
 * to Linux itself; every Debian has Perl.
 */
function spawnGuard() {
  const prctl = process.platform === "linux" && existsSync(PERL) ? PRCTL[process.arch] : undefined;
  const perl = prctl === undefined ? [] : [PERL, "-e", SUBREAPER, String(prctl)];
  const [command = "", ...args] = [...perl, process.execPath, GUARD];
  return spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: {}, detached: true });
}
