/** Installed packages: only those in the lockfile, by their hash, and without running their scripts. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { expect, test, vi } from "vitest";
import { unpackPackages } from "../debian/packages.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

interface Manifest {
  engines: { node: string };
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  overrides: Record<string, string>;
  scripts: Record<string, string>;
}
interface Locked {
  version: string;
  integrity?: string;
  resolved?: string;
  hasInstallScript?: true;
}

const text = (file: string) => readFile(path.join(ROOT, file), "utf8");
const manifest: Manifest = JSON.parse(await text("package.json"));
const lockfile: { packages: Record<string, Locked> } = JSON.parse(await text("package-lock.json"));
const { "": own, ...packages } = lockfile.packages;

test("each dependency of package.json is pinned to one version, and the lockfile has that one", () => {
  const { dependencies, devDependencies, overrides } = manifest;
  const pinned = Object.entries({ ...dependencies, ...devDependencies, ...overrides });
  expect(pinned.length).toBeGreaterThan(40);
  for (const [name, version] of pinned) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
  }
  expect(own).toMatchObject({ dependencies, devDependencies });
});

test("each package of the lockfile has a hash, and none an address", () => {
  const entries = Object.entries(packages);
  expect(entries.length).toBeGreaterThan(1000);
  for (const [name, { integrity, resolved }] of entries) {
    expect(integrity, name).toMatch(/^sha512-[\w+/]{86}==$/);
    expect(resolved, name).toBeUndefined();
  }
});

test("no committed file names a package registry or an archive to fetch from", async () => {
  const pattern = "(registry\\.npmjs|registry *= *.?http|_authToken|deb\\.debian\\.org|pypi\\.org)";
  const { stdout } = await execa(
    "git",
    [
      "grep",
      "--no-index",
      "--exclude-standard",
      "--extended-regexp",
      "--files-with-matches",
      pattern,
    ],
    { cwd: ROOT, reject: false },
  );
  expect(stdout.split("\n")).toEqual([path.relative(ROOT, import.meta.filename)]);
});

test("no package's own program runs while it is installed", async () => {
  // Two would. That both do without it, every run of all the tests shows.
  const withScripts = Object.entries(packages).filter(
    ([, { hasInstallScript }]) => hasInstallScript,
  );
  expect(withScripts.map(([name]) => name)).toEqual([
    "node_modules/@swc/core",
    "node_modules/core-js",
  ]);
  const folder = await mkdtemp(path.join(tmpdir(), "supply-"));
  try {
    await writeFile(path.join(folder, ".npmrc"), await text(".npmrc"));
    await writeFile(path.join(folder, "package.json"), "{}");
    await mkdir(path.join(folder, "dependency"));
    const dependency = {
      name: "dependency",
      version: "1.0.0",
      scripts: { postinstall: "touch has-run" },
    };
    await writeFile(path.join(folder, "dependency/package.json"), JSON.stringify(dependency));
    await execa("npm", ["install", "--offline", "--install-links=false", "./dependency"], {
      cwd: folder,
    });
    expect(await readFile(path.join(folder, "package.json"), "utf8")).toContain("dependency");
    await expect(readFile(path.join(folder, "dependency/has-run"))).rejects.toThrow("ENOENT");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("none of our scripts needs npm's pre and post scripts, which are disabled like all others", () => {
  const names = Object.keys(manifest.scripts);
  const hooks = names.filter((name) =>
    names.some((of) => name === `pre${of}` || name === `post${of}`),
  );
  expect(hooks).toEqual([]);
});

test("each action that a workflow runs is pinned to one commit", async () => {
  const folder = path.join(ROOT, ".github/workflows");
  const uses: string[] = [];
  for (const name of await readdir(folder)) {
    const lines = (await readFile(path.join(folder, name), "utf8")).split("\n");
    uses.push(...lines.filter((line) => /^[\s-]*uses:/.test(line)));
  }
  expect(uses.length).toBeGreaterThan(5);
  for (const line of uses) {
    // Dependabot reads the version from the comment and updates both.
    expect(line).toMatch(/uses: (\.\/\S+|[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
  }
});

test("every file that names the oldest Node release names the same one", async () => {
  const release = /^>=(\d+)\./.exec(manifest.engines.node)?.[1];
  expect(release).toBeDefined();
  const container = JSON.parse(await text(".devcontainer/devcontainer.json"));
  expect(Object.values(container.features)).toContainEqual(
    expect.objectContaining({ version: release }),
  );
  expect((await text(".nvmrc")).trim()).toBe(release);
  expect(await text(".github/workflows/test.yml")).toContain(`node: ["${release}", lts]`);
});

test("from an archive of Debian packages that is not signed nothing is fetched", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "supply-"));
  try {
    const archive = path.join(folder, "archive");
    await mkdir(archive);
    await writeFile(path.join(archive, "Packages"), "");
    const hash = createHash("sha256").update("").digest("hex");
    await writeFile(path.join(archive, "Release"), `Suite: test\nSHA256:\n ${hash} 0 Packages\n`);
    const fetch = async (options: string) => {
      await writeFile(path.join(folder, "sources.list"), `deb ${options} copy:${archive} ./\n`);
      const configuration = path.join(folder, "apt.conf");
      const list = `Dir::Etc::sourcelist "${folder}/sources.list";`;
      await writeFile(configuration, `${list}\nDir::Etc::sourceparts "/dev/null";\n`);
      vi.stubEnv("APT_CONFIG", configuration);
      const fetching = unpackPackages(["none"], path.join(folder, "unpacked"), () => {});
      return fetching.catch((error: Error) => error.message);
    };
    expect(await fetch("")).toMatch(/^E: The repository .* is not signed\.$/m);
    // It is the signature: of an archive that is trusted without one, the packages are missing.
    expect(await fetch("[trusted=yes]")).toContain("Unable to locate package none");
    expect((await readdir(folder)).sort()).toEqual(["apt.conf", "archive", "sources.list"]);
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});
