/**
 * Runs a command, such as all tests, and then fails if a password, token or secret that was made during the run is in a
 * command line, in an unexpected variable, in a temporary file that other accounts can read, in a log, in the output
 * of the command, or in a file that it has left: the records, the built pages, the caches.
 *
 * `node src/checks/secrets/run.ts COMMAND …`. It exits with the command's code, with 1 if it finds a secret, and with
 * 130 if it is interrupted.
 */
import { spawn } from "node:child_process";
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SECRETS_FOLDER } from "../../orthanc/secrets.ts";
import { Watch } from "./watch.ts";

/** The minimum interval between two searches, in milliseconds, and the maximum share of the time for them. */
const INTERVAL = 500;
const SHARE = 0.1;

const here = process.cwd();
// A short path, because those of sockets are limited. Other accounts have access, as to the system's temporary folder.
const run = mkdtempSync(path.join(tmpdir(), "ot-"));
chmodSync(run, 0o755);
process.once("exit", () => rmSync(run, { recursive: true, force: true, maxRetries: 5 }));
const folder = path.join(run, "s");
const temporary = path.join(run, "t");
mkdirSync(path.join(folder, "logs"), { recursive: true, mode: 0o700 });
mkdirSync(temporary);
chmodSync(temporary, 0o1777);
const watch = new Watch(folder, temporary);
for (const sources of ["src", "examples", "docs"]) watch.learnFakes(path.join(here, sources));

const [command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, {
  stdio: ["inherit", "pipe", "pipe"],
  env: {
    ...process.env,
    [SECRETS_FOLDER]: folder,
    TMPDIR: temporary,
    npm_config_logs_dir: path.join(folder, "npm"),
    ...(process.stdout.isTTY && { FORCE_COLOR: "1" }),
  },
});
const output = createWriteStream(path.join(folder, "output"), { mode: 0o600 });
for (const [from, to] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
] as const) {
  from.on("data", (piece) => {
    to.write(piece);
    output.write(piece);
  });
}
// Ctrl-C in a terminal also reaches the command; other programs send a signal to this process alone.
let signalled: NodeJS.Signals | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    signalled = signal;
    if (signal !== "SIGINT") child.kill(signal);
  });
}

let running = true;
const ended = new Promise<number>((resolve) => {
  child.once("error", (error) => {
    console.error(`${command} can't be started: ${error.message}`);
    resolve(127);
  });
  child.once("close", (code, signal) => {
    resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
  });
}).finally(() => {
  running = false;
});
while (running) {
  const began = performance.now();
  watch.sample();
  const took = performance.now() - began;
  await Promise.race([ended, sleep(Math.max(INTERVAL, took / SHARE))]);
}
const exitCode = await ended;
await new Promise((resolve) => output.end(resolve));
if (signalled) process.exit(130);

watch.sample();
const MODULES = path.join(here, "node_modules");
const NOT_OURS = [".git", ".orthanc"].map((name) => path.join(here, name));
watch.search(
  here,
  // Installed and fetched packages are older than the run. Caches in `node_modules` are written during it.
  (file) =>
    NOT_OURS.includes(file) ||
    (path.dirname(file) === MODULES && !path.basename(file).startsWith(".")),
);
watch.search(path.join(folder, "npm"));
watch.searchOutput(path.join(folder, "output"));
watch.search(temporary);

const { secrets, tokens, processes, temporaryFiles, files, logs, excepted } = watch.counts();
const findings = watch.findings();
console.log(
  `\nSecrets: ${secrets} were made, and ${tokens} tokens observed. Searched were ${processes} processes, ${temporaryFiles} temporary files, ${logs} logs of Orthancs, the output, and ${files} files that are left.`,
);
for (const [reason, count] of excepted) console.log(`  Excepted, ${count} times: ${reason}.`);
for (const finding of findings) console.error(`  FOUND in ${finding}`);
if (findings.length > 0) {
  console.error(
    "A secret must not be there. Keep it in memory, or in a file of the account's own.",
  );
} else if (secrets + tokens === 0) {
  console.error("No secret was made during the tests, so this search shows nothing.");
} else {
  console.log("  None of them was anywhere else.");
}
process.exit(exitCode || (findings.length > 0 || secrets + tokens === 0 ? 1 : 0));
