import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { processesIn } from "../orthanc/leftovers.ts";
import { PackagesError, unpackedProgram, unpackPackages } from "./packages.ts";

/** A small program that depends on the C library alone. */
const PACKAGE = "hello";
const SOON = { timeout: 15_000, interval: 100 };

let root: string;
let folder: string;
let callers: ChildProcess[] = [];
/** Why packages can't be fetched here; empty where they can. */
let unreachable = "";

beforeAll(async () => {
  const trial = await mkdtemp(path.join(tmpdir(), "packages-"));
  await unpackPackages([PACKAGE], path.join(trial, PACKAGE), () => {}).catch((error) => {
    if (!/could not be reached|no apt-get/.test(error.message)) throw error;
    unreachable = error.message;
    console.warn(`Skipped: all that needs the package archive. ${unreachable}`);
  });
  await rm(trial, { recursive: true });
});

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "packages-"));
  folder = path.join(root, PACKAGE);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const caller of callers) caller.kill("SIGKILL");
  callers = [];
  await expect.poll(() => processesIn(root), SOON).toEqual([]);
  await rm(root, { recursive: true });
});

/** Fetches packages and gives what was reported. */
async function fetchPackages(packages = [PACKAGE], where = folder): Promise<string[]> {
  const reports: string[] = [];
  await unpackPackages(packages, where, (doing) => reports.push(doing));
  return reports;
}

/** The message of the PackagesError that fetching ends in. */
async function failure(packages?: string[], where?: string): Promise<string> {
  const error = await fetchPackages(packages, where).catch((error) => error);
  expect(error).toBeInstanceOf(PackagesError);
  return error.message;
}

/** Fetches in a process of its own, up to the first report that matches. */
async function fetchElsewhere(until: RegExp): Promise<ChildProcess> {
  const file = path.join(root, "caller.mjs");
  const packages = pathToFileURL(path.join(import.meta.dirname, "packages.ts"));
  await writeFile(
    file,
    `import { unpackPackages } from ${JSON.stringify(packages)};
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
await unpackPackages(["${PACKAGE}"], ${JSON.stringify(folder)}, console.log);
console.log("done");\n`,
  );
  const loader = import.meta.resolve("@oxc-node/core/register");
  const caller = spawn(process.execPath, ["--import", loader, file], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  callers.push(caller);
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: caller.stdout })
      .on("line", (line) => until.test(line) && resolve())
      .once("close", () => reject(new Error(`It has never reported ${until}.`)));
  });
  return caller;
}

async function ended(caller: ChildProcess): Promise<void> {
  if (caller.exitCode !== null || caller.signalCode !== null) return;
  await new Promise((resolve) => caller.once("exit", resolve));
}

/** Runs the program of the fetched package with the libraries that it depends on. */
async function hello(): Promise<string> {
  const { command, args } = await unpackedProgram(folder, "usr/bin/hello");
  return (await execa(command, [...args, "--greeting=Here I am"])).stdout;
}

describe("packages", () => {
  beforeEach(({ skip }) => {
    skip(unreachable !== "", `no package archive: ${unreachable}`);
  });

  test("are fetched with what they depend on; a second time nothing is done", async () => {
    const reports = await fetchPackages();
    expect(reports[0]).toBe("reading the package lists");
    expect(reports).toContainEqual(expect.stringMatching(/^downloading, \d+ %$/));
    expect(reports.at(-1)).toMatch(/^unpacking package (\d+) of \1$/);
    expect(await hello()).toBe("Here I am");
    expect(await readdir(root)).toEqual([PACKAGE]);

    expect(await fetchPackages()).toEqual([]);
    expect(await fetchPackages(["no-such-package"])).toEqual([]);
  });

  test("can be those of another suite of Debian", async () => {
    await unpackPackages([PACKAGE], folder, () => {}, "trixie");
    expect(await hello()).toBe("Here I am");
    const { command } = await unpackedProgram(folder, "usr/bin/hello");
    expect((await execa(command, ["--version"])).stdout).toContain("stable release version 2.41");
  });

  test("of a suite that does not exist can't be had: which it was", async () => {
    const unpacking = unpackPackages([PACKAGE], folder, () => {}, "no-such-suite");
    await expect(unpacking).rejects.toThrow(/^E: The repository '.* no-such-suite Release'/m);
    expect(await readdir(root)).toEqual([]);
  });

  test("that do not exist are named, with a way out", async () => {
    const message = await failure([PACKAGE, "no-such-package"]);
    expect(message).toContain("Could not fetch the packages hello, no-such-package:");
    expect(message).toContain("this release of the distribution does not have them all");
    expect(message).toContain("E: Unable to locate package no-such-package");
    expect(message).toContain("mend that and start again");
    expect(await readdir(root)).toEqual([]);
  });

  test("can be fetched twice at the same time, by one process", async () => {
    const both = await Promise.all([fetchPackages(), fetchPackages()]);
    expect(both.filter((reports) => reports.length > 0)).toHaveLength(1);
    expect(await hello()).toBe("Here I am");
    expect(await readdir(root)).toEqual([PACKAGE]);
  });

  test("can be fetched twice at the same time, by two processes", async () => {
    const other = fetchElsewhere(/^done$/);
    await Promise.all([other, fetchPackages()]);
    expect(await hello()).toBe("Here I am");
    await ended(await other);
    expect((await other).exitCode).toBe(0);
    expect((await readdir(root)).sort()).toEqual(["caller.mjs", PACKAGE]);
  });

  test.each(["reading the package lists", "downloading", "unpacking package 2"])(
    "are fetched anew where somebody was killed while %s",
    async (doing) => {
      const caller = await fetchElsewhere(new RegExp(`^${doing}`));
      process.kill(caller.pid ?? 0, "SIGKILL");
      await ended(caller);
      const partial = `${PACKAGE}.partial-${caller.pid}`;
      expect((await readdir(root)).sort()).toEqual(["caller.mjs", partial]);
      // Somebody else who is still at it: this very process's parent stands for him.
      const others = `${PACKAGE}.partial-${process.ppid}`;
      await mkdir(path.join(root, others));

      await fetchPackages();
      expect((await readdir(root)).sort()).toEqual(["caller.mjs", PACKAGE, others].sort());
      expect(await hello()).toBe("Here I am");
    },
  );

  test.each([
    ["reading the package lists", 1],
    ["reading the package lists", -1],
    ["downloading", 1],
    ["downloading", -1],
    ["unpacking package 2", 1],
    ["unpacking package 2", -1],
  ])("leave nothing when one is interrupted while %s (%i)", async (doing, group) => {
    const caller = await fetchElsewhere(new RegExp(`^${doing}`));
    process.kill(group * (caller.pid ?? 0), "SIGINT");
    await ended(caller);
    expect(caller.exitCode).toBe(130);
    await expect.poll(() => processesIn(root), SOON).toEqual([]);
    expect(await readdir(root)).toEqual(["caller.mjs"]);
  });
});

describe("without", () => {
  test("apt-get, it says so", async () => {
    vi.stubEnv("PATH", path.join(root, "nowhere"));
    const message = await failure();
    expect(message).toContain("this system has no apt-get or no dpkg-deb");
    expect(message).toContain("mend that and start again");
    expect(await readdir(root)).toEqual([]);
  });

  test("a network, it says so", async () => {
    // A port that was just free, as a proxy to which nobody listens.
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const configuration = path.join(root, "apt.conf");
    await writeFile(
      configuration,
      ["http", "https"]
        .map(
          (scheme) => `Acquire::Retries "0"; Acquire::${scheme}::Proxy "http://127.0.0.1:${port}";`,
        )
        .join("\n"),
    );
    vi.stubEnv("APT_CONFIG", configuration);
    const message = await failure();
    expect(message).toContain("the package archive could not be reached: is there a network");
    expect(message).toContain(`127.0.0.1:${port}`);
    expect(message).toContain("mend that and start again");
    expect(await readdir(root)).toEqual(["apt.conf"]);
  });

  test("a place for the folder, it says so", async () => {
    await writeFile(path.join(root, "file"), "");
    const message = await failure([PACKAGE], path.join(root, "file", PACKAGE));
    expect(message).toMatch(/Could not fetch the packages hello: .*(EEXIST|ENOTDIR)/);
    expect(await readFile(path.join(root, "file"), "utf8")).toBe("");
  });
});

test("a folder without a loader is no place to start a program from", async () => {
  await mkdir(path.join(root, "usr/lib"), { recursive: true });
  await expect(unpackedProgram(root, "usr/bin/hello")).rejects.toThrow(
    `${root} has no loader (ld-linux): remove that folder and start again.`,
  );
});
