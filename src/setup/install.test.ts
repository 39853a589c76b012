import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPT = path.join(import.meta.dirname, "install.cjs");

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "install-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

/** Runs the first step of a start and returns what a reader sees of it. */
async function install(command: string, args: string[], env = {}) {
  const { exitCode, all } = await execa(command, args, { env, reject: false, all: true });
  return { exitCode, all };
}

test("where all packages are installed, nothing is done and nothing is said", async () => {
  expect(await install(process.execPath, [SCRIPT])).toEqual({ exitCode: 0, all: "" });
});

test.each(["8.17.0", "18.20.8", "20.18.3"])("Node %s is refused as too old", async (version) => {
  // Its real versions are fetched by npm run soak.
  const preload = path.join(root, "version.cjs");
  const versions = `{ ...process.versions, node: "${version}" }`;
  await writeFile(preload, `Object.defineProperty(process, "versions", { value: ${versions} });`);
  expect(await install(process.execPath, ["--require", preload, SCRIPT])).toEqual({
    exitCode: 1,
    all: `Node ${version} is too old: Orthanc Twins needs Node 20.19 or later.`,
  });
});

test.each([
  [
    "no npm",
    '{ "packages": { "node_modules/a": { "version": "1" } } }',
    "npm could not be started (spawnSync npm ENOENT): install it with Node.",
  ],
  ["no lockfile", undefined, "The lockfile can't be read: ENOENT"],
  ["a lockfile with a conflict", "<<<<<<< HEAD", "The lockfile can't be read: Unexpected token"],
])("with %s it says so", async (_, lockfile, said) => {
  const script = path.join(root, "src/setup/install.cjs");
  await cp(SCRIPT, script);
  if (lockfile) await writeFile(path.join(root, "package-lock.json"), lockfile);
  const { exitCode, all } = await install(process.execPath, [script], { PATH: root });
  expect(exitCode).toBe(1);
  expect(all).toContain(said);
  expect(all).not.toMatch(/^\s+at /m);
});
