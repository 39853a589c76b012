import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const SERVER = pathToFileURL(path.join(import.meta.dirname, "../orthanc/server.ts"));

/**
 * Runs a program that uses `startOrthanc` and `writeSync`, in its own process group: it can be ended like any
 * caller of `startOrthanc`.
 * @param folder holds the program; `tmp` in it is the program's folder for temporary files
 * @param before a command that runs the command after it
 * @returns `line`, its first line; `end`, its exit code or signal; `guardEnded`, which settles when its Orthanc's
 * guard has ended, too
 */
export async function startCaller(folder: string, program: string, before: string[] = []) {
  const file = path.join(folder, "caller.mjs");
  await writeFile(
    file,
    `import { writeSync } from "node:fs";\nimport { startOrthanc } from "${SERVER}";\n${program}\n`,
  );
  const loader = import.meta.resolve("@oxc-node/core/register");
  const [command = "", ...args] = [...before, process.execPath, "--import", loader, file];
  const caller = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, TMPDIR: path.join(folder, "tmp") },
  });
  let said = "";
  caller.stderr.on("data", (data) => {
    said += data;
  });
  const end = new Promise<string | number | null>((resolve) => {
    caller.once("exit", (code, signal) => resolve(signal ?? code));
  });
  // The guard inherits the standard error stream, so that this closes with the last of the two.
  const guardEnded = new Promise<void>((resolve) => caller.once("close", () => resolve()));
  const line = new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: caller.stdout });
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error(`It printed nothing: ${said}`)));
  });
  line.catch(() => {});
  return { process: caller, line, end, guardEnded };
}
