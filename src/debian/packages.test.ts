import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { processesIn } from "../testing/leftovers.ts";
import { type Archive, startArchive } from "../testing/packageArchive.ts";
import { type Fetcher, type FetcherOptions, fetchElsewhere } from "../testing/packageFetcher.ts";
import { PackagesError, unpackedProgram, unpackPackages } from "./packages.ts";

const SOON = { timeout: 30_000, interval: 100 };

let archive: Archive;
let archiveFolder: string;
let root: string;
let folder: string;
let fetchers: Fetcher[] = [];

beforeAll(async () => {
  archiveFolder = await mkdtemp(path.join(tmpdir(), "archive-"));
  archive = await startArchive(archiveFolder, [
    { name: "one", depends: ["two", "big"] },
    { name: "two" },
    { name: "big", size: 40_000_000 },
    { name: "other" },
  ]);
});

afterAll(async () => {
  await archive.close();
  await rm(archiveFolder, { recursive: true });
});

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "packages-"));
  folder = path.join(root, "place");
  vi.stubEnv("APT_CONFIG", archive.configuration);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  archive.fault = undefined;
  for (const { process } of fetchers) process.kill("SIGKILL");
  fetchers = [];
  await expect.poll(() => processesIn(root), SOON).toEqual([]);
  await rm(root, { recursive: true });
});

/** Fetches packages and returns the reports. */
async function fetchPackages(packages = ["one"], where = folder): Promise<string[]> {
  const reports: string[] = [];
  await unpackPackages(packages, where, (activity) => reports.push(activity));
  return reports;
}

/** Returns the message of the PackagesError with which a fetch ends. */
async function failure(packages?: string[], where?: string): Promise<string> {
  const error = await fetchPackages(packages, where).catch((error) => error);
  expect(error).toBeInstanceOf(PackagesError);
  return error.message;
}

/** Fetches in a new process, which sends itself a signal when it begins an activity. */
async function elsewhere(ending: FetcherOptions["ending"]): Promise<Fetcher> {
  const fetcher = await fetchElsewhere(path.join(root, "fetcher.mjs"), ["one"], folder, { ending });
  fetchers.push(fetcher);
  return fetcher;
}

const unpacked = () => readdir(path.join(folder, "usr/share"));
/** Lists the files beside the link, except the program of the other processes. */
const entries = async () => (await readdir(root)).filter((name) => name !== "fetcher.mjs").sort();
const COMPLETE = ["place", expect.stringMatching(/^place-[0-9a-f]{8}$/)];
const ALL = ["big", "one", "two"];

describe("packages", () => {
  test("are fetched with what they depend on; a second time nothing is done", async () => {
    const reports = await fetchPackages();
    expect(reports[0]).toBe("reading the package lists");
    expect(reports).toContainEqual(expect.stringMatching(/^downloading, \d+ %$/));
    expect(reports.at(-1)).toBe("unpacking package 3 of 3");
    expect(await unpacked()).toEqual(ALL);
    expect(await entries()).toEqual(COMPLETE);
    expect(await fetchPackages()).toEqual([]);
  });

  test("are fetched again when their list differs; programs that run from the earlier ones keep them", async () => {
    const first = await unpackPackages(["one"], folder, () => {});
    expect(await readlink(folder)).toBe(path.basename(first));
    // A program of these packages: its command line contains their folder.
    const program = path.join(first, "program");
    await writeFile(program, "");
    const running = execa("tail", ["--follow", program], { reject: false });
    await expect.poll(() => processesIn(first), SOON).not.toEqual([]);

    const second = await unpackPackages(["other"], folder, () => {});
    expect(await readlink(folder)).toBe(path.basename(second));
    expect(await unpacked()).toEqual(["other"]);
    expect(await readdir(path.join(first, "usr/share"))).toEqual(ALL);
    running.kill("SIGKILL");
    await running;

    const third = await unpackPackages(["two"], folder, () => {});
    expect(await unpacked()).toEqual(["two"]);
    expect(await entries()).toEqual(["place", path.basename(third)]);
  });

  test("take the place of a folder from before there were links", async () => {
    await mkdir(path.join(folder, "usr/share/old"), { recursive: true });
    await fetchPackages();
    expect((await lstat(folder)).isSymbolicLink()).toBe(true);
    expect(await unpacked()).toEqual(ALL);
    expect(await entries()).toEqual(COMPLETE);
  });

  test("that do not exist are named, with a way out", async () => {
    const message = await failure(["one", "no-such-package"]);
    expect(message).toContain(`Could not fetch the packages one, no-such-package into ${root}:`);
    expect(message).toContain("this release of the distribution does not have them all");
    expect(message).toContain("E: Unable to locate package no-such-package");
    expect(message).toContain("fix that and start again");
    expect(await entries()).toEqual([]);
  });

  test("can be fetched twice at the same time, by one process", async () => {
    const both = await Promise.all([fetchPackages(), fetchPackages()]);
    expect(both.filter((reports) => reports.length > 0)).toHaveLength(1);
    expect(await unpacked()).toEqual(ALL);
    expect(await entries()).toEqual(COMPLETE);
  });

  test.each(["reading the package lists", "downloading", "unpacking package 2"])(
    "are fetched again if a process was killed while %s",
    async (activity) => {
      const signal = "SIGKILL";
      const { process: killed, ended } = await elsewhere({ activity, signal, target: "itself" });
      expect((await ended).how).toBe("SIGKILL");
      const partial = expect.stringMatching(
        new RegExp(`^place-[0-9a-f]{8}.partial-${killed.pid}$`),
      );
      expect(await entries()).toEqual([partial]);
      // The parent of this very process stands for another one that is still fetching.
      const others = `place-00000000.partial-${process.ppid}`;
      await mkdir(path.join(root, others));

      await fetchPackages();
      expect(await entries()).toEqual([COMPLETE[0], others, COMPLETE[1]]);
      expect(await unpacked()).toEqual(ALL);
    },
  );

  test.each(
    ["reading the package lists", "downloading", "unpacking package 2"].flatMap((activity) => [
      [activity, "itself"] as const,
      [activity, "group"] as const,
    ]),
  )("leave nothing when one is interrupted while %s (%s)", async (activity, target) => {
    const { ended } = await elsewhere({ activity, signal: "SIGINT", target });
    expect((await ended).how).toBe(130);
    await expect.poll(() => processesIn(root), SOON).toEqual([]);
    expect(await entries()).toEqual([]);
  });
});

describe("without", () => {
  test("apt-get, it says so", async () => {
    vi.stubEnv("PATH", path.join(root, "nowhere"));
    const message = await failure();
    expect(message).toContain("this system has no apt-get or no dpkg-deb");
    expect(message).toContain("fix that and start again");
    expect(await entries()).toEqual([]);
  });

  test("a network, it says so", async () => {
    // A port that was just free, as a proxy that does not answer.
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
    expect(message).toContain("fix that and start again");
    expect(await entries()).toEqual(["apt.conf"]);
  });

  test("a source of Debian's, it says that no other suite of Debian can be fetched", async () => {
    const now = await unpackPackages(["one"], folder, () => {});
    const unpacking = unpackPackages(["one"], folder, () => {}, "trixie");
    await expect(unpacking).rejects.toThrow(
      /: this system's apt has no source of Debian's, from which to fetch trixie\.$/m,
    );
    // The earlier packages are still complete.
    expect(await readlink(folder)).toBe(path.basename(now));
    expect(await unpacked()).toEqual(ALL);
  });

  test("a place for the folder, it says so", async () => {
    await writeFile(path.join(root, "file"), "");
    const message = await failure(["one"], path.join(root, "file/place"));
    expect(message).toMatch(/Could not fetch the packages one into .*: (EEXIST|ENOTDIR)/);
    expect(await readFile(path.join(root, "file"), "utf8")).toBe("");
  });

  test.each([":", ";", '"', "\\"])(
    "a path that the loader and apt can read, it says so: %s",
    async (character) => {
      const message = await failure(["one"], path.join(root, `a${character}b/place`));
      expect(message).toContain(`its path contains ${JSON.stringify(character)}, which apt`);
      expect(await entries()).toEqual([]);
    },
  );
});

test("a folder may have spaces, quotation marks and other alphabets in its path", async () => {
  await fetchPackages(["one"], path.join(root, "Köln, 東京 'x' $(y) %20/place"));
  expect(await readdir(path.join(root, "Köln, 東京 'x' $(y) %20/place/usr/share"))).toEqual(ALL);
});

test("no program can be started from a folder without a loader", async () => {
  await mkdir(path.join(root, "usr/lib"), { recursive: true });
  await expect(unpackedProgram(root, "usr/bin/hello")).rejects.toThrow(
    `${root} has no loader (ld-linux): remove that folder and start again.`,
  );
});

describe("from the archive that this machine's apt uses", () => {
  /** Returns the result of unpacking: a folder or an error. Without a network, the test is skipped. */
  async function unpack(skip: (reason: string) => void, suite?: string) {
    vi.stubEnv("APT_CONFIG", undefined);
    const end = await unpackPackages(["hello"], folder, () => {}, suite).catch((e: Error) => e);
    if (end instanceof Error && /could not be reached|no apt-get/.test(end.message)) {
      console.warn(`Skipped: no package archive. ${end.message}`);
      skip(`no package archive: ${end.message}`);
    }
    return end;
  }

  test("a program runs with the libraries of its suite; for another suite it is fetched again", async ({
    skip,
  }) => {
    const folders: unknown[] = [];
    for (const suite of [undefined, "trixie"]) {
      const real = await unpack(skip, suite);
      folders.push(real);
      expect(await readlink(folder)).toBe(path.basename(String(real)));
      const { command, args } = await unpackedProgram(String(real), "usr/bin/hello");
      expect((await execa(command, [...args, "--greeting=Here I am"])).stdout).toBe("Here I am");
      const version = (await execa(command, ["--version"])).stdout;
      if (suite) expect(version).toContain("stable release version 2.41");
    }
    expect(new Set(folders).size).toBe(2);
    expect(await entries()).toEqual(COMPLETE);
  });

  test("a suite that it does not have can't be fetched: which it was", async ({ skip }) => {
    const error = await unpack(skip, "no-such-suite");
    expect(error).toBeInstanceOf(PackagesError);
    const { message } = error as PackagesError;
    expect(message).toContain("does not have this release of Debian: look into apt's sources");
    expect(message).toMatch(/^E: The repository '.* no-such-suite Release'/m);
    expect(await entries()).toEqual([]);
  });
});
