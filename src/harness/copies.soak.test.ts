/** Two copies of the repository run their tests at once: neither takes a port, a file or a process of the other's. */
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processesIn } from "../testing/leftovers.ts";
import { reportProgress, scaled } from "../testing/soak.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
/** The installed and fetched packages, which a copy shares with this repository. */
const SHARED = ["node_modules", ".orthanc"];
const MADE = ["build", ".docusaurus", ".git"];
/** Few that start several Orthancs, end them in odd ways, and look at what is left; or all that may run together. */
const TESTS = scaled(
  ["src/orthanc/server.test.ts", "--testNamePattern", "one of several|is another process|outlive"],
  ["--testTimeout", "600000"],
);

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "copies-"));
});
afterEach(() => rm(root, { recursive: true, maxRetries: 5 }));

/** Makes a copy of the repository with its own folder of temporary files. */
async function makeCopy(name: string): Promise<{ repository: string; temporary: string }> {
  const repository = path.join(root, name);
  // Short, because the paths of sockets are.
  const temporary = path.join(root, name[0] ?? "");
  await mkdir(temporary);
  await cp(REPOSITORY, repository, {
    recursive: true,
    filter: (from) => ![...SHARED, ...MADE].includes(path.relative(REPOSITORY, from)),
  });
  for (const folder of SHARED) {
    await symlink(path.join(REPOSITORY, folder), path.join(repository, folder));
  }
  return { repository, temporary };
}

/** Runs the tests of a copy to their end. */
async function runTests({ repository, temporary }: { repository: string; temporary: string }) {
  const vitest = path.join("node_modules", "vitest", "vitest.mjs");
  const { all, exitCode } = await execa(
    process.execPath,
    [vitest, "run", "--project", "parallel", ...TESTS],
    {
      cwd: repository,
      // Both together share the machine's cores: a time limit that is missed says nothing of what this test looks for.
      env: { TMPDIR: temporary, SOAK: "", NO_COLOR: "1", VITEST_MAX_WORKERS: "2" },
      all: true,
      reject: false,
    },
  );
  reportProgress(`copies: ${path.basename(repository)}: ${all.slice(-4000)}`);
  return { all, exitCode };
}

test("two copies of the repository run their tests at once, and leave nothing", async () => {
  const copies = [await makeCopy("first"), await makeCopy("second")];
  for (const { all, exitCode } of await Promise.all(copies.map(runTests))) {
    expect(exitCode, all.slice(-10_000)).toBe(0);
    expect(all).toMatch(/^ +Tests +([3-9]|\d{2,}) passed/m);
  }
  for (const { temporary } of copies) {
    // Vitest's own files there do not belong to an Orthanc.
    const left = await readdir(temporary);
    expect(left.filter((name) => name.startsWith("orthanc-twins-"))).toEqual([]);
    expect(processesIn(temporary)).toEqual([]);
  }
});
