/**
 * Installs the npm packages if they are missing or differ from the lockfile. It runs first in a fresh clone, on any
 * Node, including one that is too old for us: hence CommonJS, in the syntax of 2017.
 */
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: Orthanc Twins needs Node 20.19 or later.`);
}

// Older releases do not support "node:".
const { spawnSync } = require("node:child_process");
const { readFileSync } = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "../..");

if (!isInstalled()) {
  console.error("Installing the npm packages of package-lock.json (about a minute) …");
  const npm = spawnSync("npm", ["ci", "--no-fund", "--no-audit"], { cwd: root, stdio: "inherit" });
  if (npm.error) fail(`npm could not be started (${npm.error.message}): install it with Node.`);
  if (npm.status !== 0) {
    fail(
      "npm could not install the packages. Its message above has the reason. Fix that, and start again.",
    );
  }
}

/** Tells if node_modules contains the versions in the lockfile. */
function isInstalled() {
  const wanted = packages("package-lock.json");
  if (wanted instanceof Error) return fail(`The lockfile can't be read: ${wanted.message}`);
  const installed = packages("node_modules/.package-lock.json");
  return Object.keys(wanted).every(
    (name) =>
      name === "" ||
      wanted[name].optional ||
      (name in installed && installed[name].version === wanted[name].version),
  );
}

/**
 * @param {string} lockfile
 * @returns {Record<string, { version: string, optional?: boolean }> | Error}
 */
function packages(lockfile) {
  try {
    return JSON.parse(readFileSync(path.join(root, lockfile), "utf8")).packages;
  } catch (error) {
    return error;
  }
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exit(1);
}
