import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { exists } from "../fetch/wholeFolder.ts";
import { findOrthanc, InstallationError } from "./installation.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "installation-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

/** The message of the InstallationError that looking for an Orthanc ends in. */
async function failure(): Promise<string> {
  const error = await findOrthanc().catch((error) => error);
  expect(error).toBeInstanceOf(InstallationError);
  return error.message;
}

/** Skips a test with a reason, which is also printed: the reporter does not show it. */
function because(reason: string): string {
  console.warn(`Skipped: ${reason}`);
  return reason;
}

test("an Orthanc that was found once is found again, and nothing is fetched", async () => {
  const first = await findOrthanc();
  for (const file of [first.orthanc.command, first.plugin, first.dcmsend.command]) {
    expect(await exists(file)).toBe(true);
  }
  expect(await readdir(first.testFiles)).toContain("CT_small.dcm");
  const report = vi.fn();
  expect(await findOrthanc({ report })).toEqual(first);
  expect(report).not.toHaveBeenCalled();
});

test("the Orthanc of another release is in a separate folder, whatever is installed or chosen", async () => {
  vi.stubEnv("ORTHANC_EXECUTABLE", path.join(root, "nowhere"));
  const { release, orthanc, plugin, testFiles } = await findOrthanc({ release: "trixie" });
  expect(release).toBe("trixie");
  for (const file of [orthanc.command, plugin, testFiles]) {
    expect(file.startsWith(path.join(REPOSITORY, ".orthanc/trixie-"))).toBe(true);
    expect(await exists(file)).toBe(true);
  }
});

test("a fetched Orthanc's Python modules are compiled: its plugins do not compile them at each start", async () => {
  const { environment } = await findOrthanc({ release: "bookworm" });
  const requests = path.join(environment.PYTHONHOME ?? "", "lib/python3/dist-packages/requests");
  const compiled = await readdir(path.join(requests, "__pycache__"));
  expect(compiled).toContainEqual(expect.stringMatching(/^api\.cpython-\d+\.pyc$/));
});

test("the installed Orthanc is used only if it is chosen, and missing if there is none", async ({
  skip,
}) => {
  vi.stubEnv("PATH", root);
  expect((await findOrthanc()).orthanc.command.startsWith(path.join(REPOSITORY, ".orthanc"))).toBe(
    true,
  );
  if (await exists("/usr/sbin/Orthanc")) skip(because("an Orthanc is installed on this machine"));
  const error = await findOrthanc({ release: "installed" }).catch((error) => error);
  expect(error).toBeInstanceOf(InstallationError);
  expect(error.message).toMatch(/^No Orthanc is installed on this machine: choose a release/);
  await writeFile(path.join(root, "Orthanc"), "");
  await expect(findOrthanc({ release: "installed" })).rejects.toThrow(
    /^\S+\/Orthanc can't be used: its Python plugin is not installed/,
  );
});

describe("ORTHANC_EXECUTABLE", () => {
  test("that names nothing is refused in clear words", async () => {
    const file = path.join(root, "Orthanc");
    vi.stubEnv("ORTHANC_EXECUTABLE", file);
    expect(await failure()).toBe(
      `ORTHANC_EXECUTABLE names ${file}, which can't be used: there is no such file. Unset it to have an Orthanc fetched.`,
    );
  });

  test("that names one without what belongs to it is refused: what is missing", async ({
    skip,
  }) => {
    if (await exists("/usr/share/orthanc/plugins/libOrthancPython.so")) {
      skip(because("this machine has a Python plugin for every Orthanc"));
    }
    await mkdir(path.join(root, "sbin"));
    await writeFile(path.join(root, "sbin/Orthanc"), "");
    vi.stubEnv("ORTHANC_EXECUTABLE", path.join(root, "sbin/Orthanc"));
    expect(await failure()).toContain("is not installed (package orthanc-python)");

    const plugins = path.join(root, "share/orthanc/plugins");
    await mkdir(plugins, { recursive: true });
    await writeFile(path.join(plugins, "libOrthancPython.so"), "");
    expect(await failure()).toMatch(/is not installed \(package python3-(pydicom|requests)\)/);
    // From the working directory, too.
    vi.stubEnv("ORTHANC_EXECUTABLE", path.relative("", path.join(root, "sbin/Orthanc")));
    expect(await failure()).toMatch(/is not installed \(package python3-(pydicom|requests)\)/);
  });
});

describe("in a fresh clone, a set-up that can't fetch an Orthanc ends with exit code 1 and the way out", () => {
  beforeEach(async () => {
    for (const name of ["src", "examples", "package.json"]) {
      await cp(path.join(REPOSITORY, name), path.join(root, name), { recursive: true });
    }
    await symlink(path.join(REPOSITORY, "node_modules"), path.join(root, "node_modules"));
  });

  /** Runs the step before `npm start`, and returns its output. */
  async function prepare(env: Record<string, string>) {
    const args = ["--import", "@oxc-node/core/register", "src/setup/prepare.ts"];
    const { exitCode, stderr } = await execa(process.execPath, args, {
      cwd: root,
      env: { ORTHANC_EXECUTABLE: "", ...env },
      reject: false,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("Could not fetch the packages orthanc, orthanc-python, ");
    expect(stderr).toMatch(
      /install them yourself, and choose --orthanc installed, or let ORTHANC_EXECUTABLE name/,
    );
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(path.join(root, ".orthanc"))).toEqual([]);
    return stderr;
  }

  test("without apt-get", async () => {
    const said = await prepare({ PATH: path.join(root, "nowhere") });
    expect(said).toContain("this system has no apt-get");
  });

  test("without a network", async () => {
    const file = path.join(root, "apt.conf");
    // No program listens on port 1, and loopback refuses at once.
    const settings = ["http", "https"].map((s) => `Acquire::${s}::Proxy "http://127.0.0.1:1";`);
    await writeFile(file, `Acquire::Retries "0";\n${settings.join("\n")}`);
    const said = await prepare({ APT_CONFIG: file });
    expect(said).toContain("the package archive could not be reached: is there a network");
  });
});
