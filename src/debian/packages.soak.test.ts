/** Messages and leftovers of a fetch if the archive, the disk or the process fails; with real apt and dpkg-deb. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { processesIn } from "../testing/leftovers.ts";
import { type Archive, startArchive } from "../testing/packageArchive.ts";
import { fetchElsewhere } from "../testing/packageFetcher.ts";
import { reportProgress, SOAKING, scaled } from "../testing/soak.ts";
import { PackagesError, unpackPackages } from "./packages.ts";

const SOON = { timeout: 30_000, interval: 100 };
const ALL = ["one", "two"];
const MB = 1_000_000;

let archive: Archive;
let archiveFolder: string;
let root: string;
let folder: string;

beforeAll(async () => {
  archiveFolder = await mkdtemp(path.join(tmpdir(), "archive-"));
  archive = await startArchive(archiveFolder, [
    { name: "one", depends: ["two"] },
    { name: "two", size: scaled(4, 40) * MB },
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
  await expect.poll(() => processesIn(root), SOON).toEqual([]);
  await rm(root, { recursive: true });
});

/** The next start works, and nothing but the complete folder and its link is left. */
async function expectNextStartWorks() {
  await unpackPackages(["one"], folder, () => {});
  expect(await readdir(path.join(folder, "usr/share"))).toEqual(ALL);
  const entries = (await readdir(root)).filter((name) => name.startsWith("place"));
  expect(entries).toHaveLength(2);
}

describe("an archive that fails: the error, its reason and the remedy are reported, and the next start works", () => {
  const packagesOnly = (file: string) => file.endsWith(".deb");
  const flipped = (body: Buffer) => {
    const copy = Buffer.from(body);
    copy.writeUInt8(copy.readUInt8(3000) ^ 1, 3000);
    return copy;
  };
  const cases: [string, NonNullable<Archive["fault"]>, string, RegExp][] = [
    [
      "a truncated package",
      (file, body) => (file.startsWith("two") ? body.subarray(0, 5000) : undefined),
      "damaged or cut off",
      /two_1_all\.deb .*unexpected size \(5000 != /,
    ],
    [
      "a package with one bit that is wrong",
      (file, body) => (file.startsWith("two") ? flipped(body) : undefined),
      "damaged or cut off",
      /two_1_all\.deb .*Hash Sum mismatch/,
    ],
    [
      "an index that is cut off",
      (file, body) => (file === "Packages" ? body.subarray(0, 100) : undefined),
      "damaged or cut off",
      /Packages .*unexpected size/,
    ],
    [
      "404 for a package",
      (file) => (packagesOnly(file) ? 404 : undefined),
      "lacks a file that it lists",
      /two_1_all\.deb +404/,
    ],
    ["404 for all", () => 404, "lacks a file that it lists", /Packages +404/],
    [
      "503 for a package",
      (file) => (packagesOnly(file) ? 503 : undefined),
      "answers with an error: try again later",
      /two_1_all\.deb +503/,
    ],
    [
      "a login page instead of the archive",
      () => Buffer.from("<!doctype html><title>Log in to this network</title>"),
      "does this network ask for a login",
      /isn't valid/,
    ],
    ["no answer, ever", () => "silent", "could not be reached: is there a network", /InRelease/],
    [
      "no end of a package",
      (file) => (packagesOnly(file) ? "cut" : undefined),
      "could not be reached: is there a network",
      /two_1_all\.deb/,
    ],
  ];
  test.each(cases)("%s", async (_, fault, meaning, detail) => {
    archive.fault = fault;
    const impatient = path.join(archiveFolder, "impatient.conf");
    const include = `#include "${archive.configuration}";`;
    await writeFile(impatient, `${include}\nAcquire::http::Timeout "1";`);
    if (fault("InRelease", Buffer.alloc(0)) === "silent") vi.stubEnv("APT_CONFIG", impatient);
    const error = await unpackPackages(["one"], folder, () => {}).catch((error) => error);
    expect(error).toBeInstanceOf(PackagesError);
    const lines = error.message.split("\n");
    expect(lines[0]).toContain(`Could not fetch the packages one into ${root}: `);
    expect(lines[0]).toContain(meaning);
    expect(error.message).toMatch(detail);
    expect(lines.at(-1)).toContain("start again");
    // Nothing at all: the next start is like a first one.
    expect(await readdir(root)).toEqual([]);
    archive.fault = undefined;
    if (SOAKING) await expectNextStartWorks();
  });
});

describe("a full disk is reported, and the next start works", () => {
  /** In a new mount namespace, so that neither root nor a clean-up is necessary. */
  const alone = ["unshare", "--map-root-user", "--mount"];
  const cases: [moment: string, size: string][] = [
    ["while packages are unpacked", `${scaled(6, 60)}m`],
    ...scaled<[string, string][]>(
      [],
      [
        ["before anything is read", "40k"],
        ["while packages are downloaded", "20m"],
      ],
    ),
  ];
  test.for(cases)("%s", async ([, size], { skip }) => {
    const trial = await execa("unshare", [...alone.slice(1), "true"], { reject: false });
    if (trial.failed) {
      console.warn(`Skipped: no disk of a test's own. ${trial.shortMessage}`);
      skip(`no disk of a test's own: ${trial.shortMessage}`);
    }
    const disk = path.join(root, "disk");
    await mkdir(disk);
    // The same process tries again on the same disk when there is room.
    const script = `mount -t tmpfs -o size=${size} none "$0" && "$@"; ls -A "$0"
mount -o remount,size=200m none "$0" && "$@"; ls -A "$0"`;
    const fetcher = await fetchElsewhere(
      path.join(root, "fetcher.mjs"),
      ["one"],
      path.join(disk, "place"),
      { wrapped: (command) => [...alone, "sh", "-c", script, disk, ...command] },
    );
    const { said } = await fetcher.ended;
    const [first = "", second = ""] = said.split("start again.\n");
    expect(first).toContain(`Could not fetch the packages one into ${disk}: the disk is full`);
    expect(second).not.toContain("partial");
    expect(second).toMatch(/^reading the package lists\n/);
    expect(second).toMatch(/\ndone: .*\/place-[0-9a-f]{8}\nplace\nplace-[0-9a-f]{8}\n$/);
  });
});

test("two processes that are killed at any moment, at once or one by one, leave what the next start can use", async () => {
  const rounds = scaled(1, 40);
  for (let round = 0; round < rounds; round++) {
    const fetchers = await Promise.all(
      [1, 2].map((n) => fetchElsewhere(path.join(root, `fetcher-${n}.mjs`), ["one"], folder)),
    );
    await Promise.race(fetchers.map((fetcher) => fetcher.reported(/reading the package lists/)));
    for (const fetcher of fetchers) {
      await sleep(Math.random() * scaled(200, 700));
      fetcher.process.kill("SIGKILL");
    }
    await Promise.all(fetchers.map((fetcher) => fetcher.ended));
    const survived = (await readdir(root)).includes("place");
    if (survived) expect(await readdir(path.join(folder, "usr/share"))).toEqual(ALL);
    await expectNextStartWorks();
    for (const name of await readdir(root)) await rm(path.join(root, name), { recursive: true });
    reportProgress(`fetch: round ${round + 1} of ${rounds}, ${survived ? "complete" : "killed"}`);
  }
});

test("many processes that fetch at once all end well, with one folder", async () => {
  const count = scaled(2, 12);
  const fetchers = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      fetchElsewhere(path.join(root, `fetcher-${n}.mjs`), ["one"], folder),
    ),
  );
  for (const fetcher of fetchers) {
    const { how, said } = await fetcher.ended;
    expect([how, said]).toEqual([0, expect.stringMatching(/^done: .*\/place-[0-9a-f]{8}$/m)]);
  }
  await expectNextStartWorks();
});
