/** A TypeScript program that is started without Orthanc explains how to start it, and listens nowhere. */
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXAMPLES, readScenarios } from "../catalogue/catalogue.ts";
import { findNode } from "../node/node.ts";

/** Node's own record of what it listens on: it names this function whenever it begins to. */
const LISTENS = /setupListenHandle/;

const { environment } = await findNode();
let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "unstarted-"));
});

afterAll(() => rm(root, { recursive: true }));

/** Copies a program as a reader does, with the files beside it and those copied along: returns the folder. */
async function copied(program: string): Promise<string> {
  const folder = path.join(root, program.replaceAll("/", "-"));
  await mkdir(folder);
  for (const name of ["pool", "routes", "undici", path.dirname(program)]) {
    const source = path.join(EXAMPLES, name);
    const names = (await readdir(source)).filter((name) => /(?<!\.test)\.ts$/.test(name));
    for (const name of names) await copyFile(path.join(source, name), path.join(folder, name));
  }
  await writeFile(path.join(folder, "package.json"), '{ "type": "module" }\n');
  await symlink(path.resolve(EXAMPLES, "../node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/** Runs a program with nothing in its environment but what Node needs for TypeScript. */
function run(folder: string, args: string[]) {
  return execa("node", args, {
    cwd: folder,
    env: { ...environment, NODE_DEBUG: "net" },
    extendEnv: false,
    reject: false,
    // Its input stays open, as a terminal's does: a program that listens is still there in the end.
    stdin: "pipe",
    timeout: 30_000,
    all: true,
  });
}

/** Every TypeScript program of a scenario, and every other `plugin.ts` below `examples/`. */
async function programs(): Promise<string[]> {
  const files = await readdir(EXAMPLES, { recursive: true });
  const found = new Set(files.filter((file) => path.basename(file) === "plugin.ts"));
  for (const { language, folder, script = "plugin.ts" } of (await readScenarios()).flatMap(
    (scenario) => scenario.programs,
  )) {
    if (language === "typescript") found.add(path.relative(EXAMPLES, path.join(folder, script)));
  }
  return [...found].sort();
}

const all = await programs();

describe.concurrent("without Orthanc", () => {
  test.each(all)("%s does not start", async (program) => {
    const folder = await copied(program);
    const { exitCode, timedOut, all } = await run(folder, [path.basename(program)]);
    expect(all).toContain("Orthanc starts this plugin: name bridge.py as its PythonScript.");
    expect(all).not.toMatch(LISTENS);
    expect({ exitCode, timedOut }).toEqual({ exitCode: 1, timedOut: false });
  });

  test("a program that listens would be noticed", async () => {
    const listens = "require('node:net').createServer().listen(undefined, () => process.exit(1))";
    const { exitCode, all } = await run(root, ["-e", listens]);
    expect(exitCode).toBe(1);
    expect(all).toMatch(LISTENS);
  });
});

test("there are programs", () => {
  expect(all.length).toBeGreaterThanOrEqual(25);
});
