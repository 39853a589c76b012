/**
 * Debian packages without root: downloaded with apt's own tools and signature checks, from the sources that
 * this machine is set up with, and unpacked into a folder. Nothing outside that folder changes.
 */
import { readdirSync, rmSync } from "node:fs";
import { access, appendFile, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { ExecaError, execa, type Options } from "execa";

/** Packages could not be had: what failed, why, and the way out. */
export class PackagesError extends Error {
  override name = "PackagesError";
}

/**
 * Downloads packages with all that they depend on and unpacks them, as if the folder were `/`.
 * Their install scripts do not run. A folder that exists is complete: it is only ever renamed into place.
 *
 * @param packages names of Debian packages
 * @param folder where they go; its parent is made where needed
 * @param report is told what is being done, in a few words, many times
 * @param suite a suite of Debian, such as `trixie`, instead of the sources that this machine is set up with
 * @throws PackagesError without apt, without network, without space, for an unknown package
 */
export async function unpackPackages(
  packages: string[],
  folder: string,
  report: (doing: string) => void,
  suite?: string,
): Promise<void> {
  if (await exists(folder)) return;
  let task = underway.get(folder);
  if (!task) {
    task = fetchPackages(packages, folder, report, suite)
      .catch((error) => {
        throw explained(error, packages);
      })
      .finally(() => underway.delete(folder));
    underway.set(folder, task);
  }
  await task;
}

/** What this process is fetching, by folder. */
const underway = new Map<string, Promise<void>>();

async function fetchPackages(
  packages: string[],
  folder: string,
  report: (doing: string) => void,
  suite?: string,
): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  removeAbandoned(folder);

  const partial = `${folder}.partial-${process.pid}`;
  const interrupted = () => {
    for (const pid of running) killGroup(pid);
    remove(partial);
  };
  process.once("exit", interrupted);
  try {
    const root = path.join(partial, "root");
    await mkdir(root, { recursive: true });
    const archives = await download(packages, partial, report, suite);
    for (const [index, archive] of archives.entries()) {
      report(`unpacking package ${index + 1} of ${archives.length}`);
      await start("dpkg-deb", ["--extract", archive, root]);
    }
    await rename(root, folder).catch(async (error) => {
      // Another process may have been faster.
      if (!(await exists(folder))) throw error;
    });
  } finally {
    process.off("exit", interrupted);
    remove(partial);
  }
}

/** The programs that this process has started, each of which leads a process group of its own. */
const running = new Set<number>();

/** Starts a program whose children can be ended with it. */
function start(command: string, args: string[], options: Options = {}) {
  const program = execa(command, args, { ...options, detached: true });
  const { pid } = program;
  if (pid) {
    running.add(pid);
    program.catch(() => {}).finally(() => running.delete(pid));
  }
  return program;
}

function killGroup(pid: number) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}

/** Removes a folder into which programs that were just killed may still bring a last file. */
function remove(folder: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

/** Downloads the packages' archives below a folder and gives their paths. */
async function download(
  packages: string[],
  folder: string,
  report: (doing: string) => void,
  suite?: string,
) {
  const cache = path.join(folder, "cache");
  await mkdir(path.join(folder, "lists/partial"), { recursive: true });
  await mkdir(path.join(cache, "archives/partial"), { recursive: true });
  await writeFile(path.join(folder, "status"), "");
  await writeFile(
    path.join(folder, "apt.conf"),
    [
      `Dir::State "${folder}";`,
      `Dir::State::lists "${folder}/lists";`,
      // With an empty list of installed packages, apt brings every dependency.
      `Dir::State::status "${folder}/status";`,
      `Dir::Cache "${cache}";`,
      // As root, apt would download as another user, who may not be let into this folder.
      'APT::Sandbox::User "root";',
      'APT::Update::Error-Mode "any";',
      'APT::Install-Recommends "false";',
      // What other software hooks into apt works on the machine's own folders.
      "#clear APT::Update::Pre-Invoke;",
      "#clear APT::Update::Post-Invoke;",
      "#clear APT::Update::Post-Invoke-Success;",
      "#clear DPkg::Pre-Install-Pkgs;",
      "#clear DPkg::Post-Invoke;",
    ].join("\n"),
  );
  if (suite) await appendFile(path.join(folder, "apt.conf"), await onlySuite(suite, folder));

  report("reading the package lists");
  await aptGet(folder, ["update"], report);
  await aptGet(folder, ["install", "--yes", "--download-only", ...packages], report);
  const archives = path.join(cache, "archives");
  const names = await readdir(archives);
  return names.filter((name) => name.endsWith(".deb")).map((name) => path.join(archives, name));
}

/** The keys of all of Debian's suites: each is signed with those of the release before it, too. */
const DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Writes the source of one suite of Debian into a folder and returns the settings that make apt use it alone. It
 * is read from the archive that this machine's own apt uses.
 */
async function onlySuite(suite: string, folder: string): Promise<string> {
  const archive = await debianArchive(suite, folder);
  const source = path.join(folder, "sources.list");
  await writeFile(source, `deb [signed-by=${DEBIAN_KEYS}] ${archive} ${suite} main\n`);
  return [
    "",
    `Dir::Etc::sourcelist "${source}";`,
    // What this machine prefers is meant for its own suite.
    ...["sourceparts", "preferences", "preferencesparts"].map(
      (name) => `Dir::Etc::${name} "/dev/null";`,
    ),
    'APT::Default-Release "";',
  ].join("\n");
}

/**
 * The address of the Debian archive that this machine's own apt uses: where apt has read its sources, the one that
 * says it is Debian's; else the first that is configured.
 */
async function debianArchive(suite: string, folder: string): Promise<string> {
  const ask = async (...args: string[]) => {
    const { stdout } = await start("apt-get", args, { env: { LC_ALL: "C" } });
    return String(stdout);
  };
  const format = "$(ORIGIN), $(LABEL): $(SITE)";
  const read = await ask("indextargets", "--format", format, "Created-By: Packages");
  const archive =
    /^Debian, Debian: (.+)$/m.exec(read) ??
    /^'(.+)\/dists\/\w+\/InRelease'/m.exec(
      await ask("-c", path.join(folder, "apt.conf"), "update", "--print-uris"),
    );
  if (archive?.[1]) return archive[1];
  throw new Error(`this system's apt has no source of Debian's, from which to fetch ${suite}`);
}

async function aptGet(folder: string, args: string[], report: (doing: string) => void) {
  const configuration = ["-c", path.join(folder, "apt.conf")];
  const progress = ["-o", "APT::Status-Fd=3"];
  const apt = start("apt-get", [...configuration, ...progress, ...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { LC_ALL: "C" },
  });
  // apt's machine-readable progress: `dlstatus:NUMBER:PERCENT:WHAT`.
  for await (const line of apt.iterable({ from: "fd3" })) {
    const [kind, , percent] = String(line).split(":");
    if (kind === "dlstatus") report(`downloading, ${Math.round(Number(percent))} %`);
  }
  await apt;
}

/** Removes what an earlier unpacking left that was killed before it could clean up. */
function removeAbandoned(folder: string) {
  const prefix = `${path.basename(folder)}.partial-`;
  for (const name of readdirSync(path.dirname(folder))) {
    if (!name.startsWith(prefix) || isRunning(Number(name.slice(prefix.length)))) continue;
    remove(path.join(path.dirname(folder), name));
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function explained(error: unknown, packages: string[]): PackagesError {
  const code = (error as NodeJS.ErrnoException).code;
  const said = error instanceof ExecaError ? String(error.stderr ?? "") : "";
  const reason =
    code === "ENOENT"
      ? "this system has no apt-get or no dpkg-deb (it is not Debian or one of its kin)"
      : code === "ENOSPC" || /no space left|enough free space/i.test(said)
        ? "the disk is full (about 700 MB are needed for a moment)"
        : /failed to fetch|could not resolve|could not connect|unable to connect|temporary failure/i.test(
              said,
            )
          ? "the package archive could not be reached: is there a network"
          : /unable to locate package/i.test(said)
            ? "this release of the distribution does not have them all"
            : (error as Error).message.split("\n")[0];
  const details = said
    .split("\n")
    .filter((line) => line.startsWith("E:"))
    .slice(0, 3);
  return new PackagesError(
    [
      `Could not fetch the packages ${packages.join(", ")}: ${reason}.`,
      ...details,
      "Nothing half-done was left: mend that and start again.",
    ].join("\n"),
    { cause: error },
  );
}

/** How to start a program that lies in a folder of unpacked packages. */
export interface UnpackedProgram {
  command: string;
  /** What comes before the program's own arguments. */
  args: string[];
}

/**
 * How to start a program of unpacked packages with their own libraries. The libraries are named to the
 * packages' own loader rather than in `LD_LIBRARY_PATH`, which the program's children would inherit.
 *
 * @param root a folder of `unpackPackages`
 * @param program its path below that folder
 * @throws PackagesError where the loader is not there
 */
export async function unpackedProgram(root: string, program: string): Promise<UnpackedProgram> {
  const folders = await libraryFolders(root);
  for (const folder of [path.join(root, "lib64"), ...folders]) {
    const names = await readdir(folder).catch(() => []);
    const loader = names.find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
    if (loader) {
      const args = ["--library-path", folders.join(":"), path.join(root, program)];
      return { command: path.join(folder, loader), args };
    }
  }
  throw new PackagesError(`${root} has no loader (ld-linux): remove that folder and start again.`);
}

/** The folders of unpacked packages that hold shared libraries. */
export async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (const library of ["lib", "usr/lib"]) {
    const parent = path.join(root, library);
    const names = await readdir(parent).catch(() => []);
    for (const triplet of names.filter((name) => name.includes("-linux-gnu"))) {
      // Debian chooses between several BLAS libraries with links that install scripts make; some packages have a
      // folder of their own, and name it by its place in an installed system.
      for (const inner of ["", "blas", "lapack", "pulseaudio"])
        folders.push(path.join(parent, triplet, inner));
    }
    folders.push(parent);
  }
  const there = await Promise.all(folders.map(exists));
  return folders.filter((_, index) => there[index]);
}

/** Whether there is a file or folder at a path. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
