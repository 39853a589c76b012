/** Unpacks packages in a separate process. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

/** A process that unpacks packages. */
export interface Fetcher {
  process: ChildProcess & { pid: number };
  /** Settles when the process reports something that matches; rejects if it ends without that. */
  reported(what: RegExp): Promise<void>;
  /** The exit code or signal, and everything that the process has printed. */
  ended: Promise<{ how: number | string | null; said: string }>;
}

/** Options for a process that unpacks packages. */
export interface FetcherOptions {
  /** Wraps another command around the one that starts the process. */
  wrapped?: (command: string[]) => string[];
  /** A signal that the process sends to itself, or to its whole group, when it begins an activity. */
  ending?: { activity: string; signal: NodeJS.Signals; target: "itself" | "group" };
}

/**
 * Starts a process that unpacks packages. Its last line is `done: FOLDER` or the error's message. It ends with 130 on
 * SIGINT and SIGTERM, as the commands do.
 *
 * @param script the file that the program is written to
 */
export async function fetchElsewhere(
  script: string,
  packages: string[],
  folder: string,
  { wrapped = (command) => command, ending }: FetcherOptions = {},
): Promise<Fetcher> {
  const module = pathToFileURL(path.join(import.meta.dirname, "../debian/packages.ts"));
  await writeFile(
    script,
    `import { unpackPackages } from ${JSON.stringify(module)};
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
let ending = ${JSON.stringify(ending ?? null)};
const report = (activity) => {
  console.log(activity);
  if (!ending || !activity.startsWith(ending.activity)) return;
  const { signal, target } = ending;
  ending = null;
  process.kill(target === "group" ? -process.pid : process.pid, signal);
};
await unpackPackages(${JSON.stringify(packages)}, ${JSON.stringify(folder)}, report).then(
  (real) => console.log("done: " + real),
  (error) => { console.log(error.message); process.exitCode = 1; },
);\n`,
  );
  const loader = import.meta.resolve("@oxc-node/core/register");
  const [command = "", ...args] = wrapped([process.execPath, "--import", loader, script]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], detached: true });
  if (!child.pid) throw new Error(`${command} can't be started.`);

  let said = "";
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    said += `${line}\n`;
  });
  const ended = new Promise<{ how: number | string | null; said: string }>((resolve) => {
    child.once("close", (code, signal) => resolve({ how: signal ?? code, said }));
  });
  const reported = (what: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const test = () => what.test(said) && resolve();
      test();
      lines.on("line", test);
      lines.once("close", () => reject(new Error(`It never reported ${what}: ${said}`)));
    });
  return { process: child as Fetcher["process"], reported, ended };
}
