/** Runs the commands of package.json. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect } from "vitest";
import { leftovers, processesIn } from "./leftovers.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const SOON = { timeout: 15_000, interval: 100 };
const LOADER = ["--import", "@oxc-node/core/register"];
/** The time limit for the end of an interrupted command, in milliseconds. */
const END_LIMIT = 10_000;

/** A command that is running. */
export interface RunningCommand {
  child: ChildProcess;
  /** Its output, up to the text that was waited for. */
  printed: string;
  /** Settles when it has ended. */
  exit: Promise<void>;
}

/**
 * Gives each test of a file its own folder of temporary files, in which commands create the folders of their Orthancs.
 * Call it at the top of a test file.
 */
export function useCommands() {
  let folder = "";
  let started: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "cli-"));
  });
  afterEach(async () => {
    for (const child of started) interrupt(child, "SIGKILL");
    started = [];
    await expect.poll(() => processesIn(folder), SOON).toEqual([]);
    await rm(folder, { recursive: true });
  });

  return {
    /** Lists what is in the folder of temporary files. */
    temporaryFiles: () => readdir(folder),

    /** Runs a command to its end through npm, which installs and fetches what is missing. */
    runWithNpm: (command: string, ...args: string[]) =>
      runToEnd(folder, "npm", ["run", "-s", command, "--", ...args]),

    /** Runs a command's program to its end. */
    run: (command: string, ...args: string[]) =>
      runToEnd(folder, process.execPath, [...LOADER, `src/cli/${command}.ts`, ...args]),

    /** Starts a command as the leader of a process group, and waits until it has printed a text. */
    async start(until: string, command: string, ...args: string[]): Promise<RunningCommand> {
      const child = spawn("npm", ["run", "-s", command, "--", ...args], {
        cwd: REPOSITORY,
        env: { ...process.env, TMPDIR: folder },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      started.push(child);
      const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const printed = await new Promise<string>((resolve, reject) => {
        let text = "";
        for (const stream of [child.stdout, child.stderr]) {
          stream.on("data", (data) => {
            text += data;
            if (text.includes(until)) resolve(text);
          });
        }
        exit.then(() => reject(new Error(`It has never printed "${until}": ${text}`)));
      });
      return { child, printed, exit };
    },

    /** Interrupts commands: they must end soon, and everything that they have started soon after. */
    async expectCleanEnd(commands: RunningCommand[], ports: number[] = []): Promise<void> {
      expect(await readdir(folder)).toHaveLength(commands.length);
      const since = performance.now();
      for (const { child } of commands) interrupt(child);
      await Promise.all(commands.map(({ exit }) => exit));
      expect(performance.now() - since).toBeLessThan(END_LIMIT);
      await expect.poll(() => processesIn(folder), SOON).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
      const left = leftovers({ folder, ports });
      expect(left.filter((what) => what.startsWith("port"))).toEqual([]);
    },
  };
}

async function runToEnd(folder: string, file: string, args: string[]) {
  const options = { cwd: REPOSITORY, env: { TMPDIR: folder }, reject: false } as const;
  const { exitCode, stdout, stderr } = await execa(file, args, options);
  return { exitCode, stdout, stderr };
}

/** Sends a signal to a command and everything that it has started, as a terminal does. */
function interrupt({ pid }: ChildProcess, signal: NodeJS.Signals = "SIGINT") {
  try {
    if (pid) process.kill(-pid, signal);
  } catch {
    // All of them have ended.
  }
}
