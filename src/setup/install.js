/**
 * Installs the npm packages where they are missing or not those of the lockfile. Plain JavaScript without
 * dependencies: it runs first in a fresh clone, on any Node.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: Orthanc Twins needs Node 20.19 or later.`);
}
if (!isInstalled()) {
  console.error("Installing the npm packages of package-lock.json (about a minute) …");
  const npm = spawnSync("npm", ["ci", "--no-fund", "--no-audit"], { cwd: root, stdio: "inherit" });
  if (npm.status !== 0) {
    fail("npm could not install the packages. What it says above tells why; then start again.");
  }
}

/** Whether node_modules holds the versions that the lockfile names. */
function isInstalled() {
  const wanted = packages("package-lock.json");
  const installed = packages("node_modules/.package-lock.json");
  return Object.entries(wanted).every(
    ([name, entry]) => name === "" || entry.optional || installed[name]?.version === entry.version,
  );
}

/**
 * @param {string} lockfile
 * @returns {Record<string, { version: string; optional?: boolean }>}
 */
function packages(lockfile) {
  try {
    return JSON.parse(readFileSync(path.join(root, lockfile), "utf8")).packages;
  } catch {
    return {};
  }
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exit(1);
}
