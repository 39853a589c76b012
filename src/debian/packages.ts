/**
 * Debian packages without root: downloaded with apt's own tools and signature checks, from the configured sources of
 * this machine, and unpacked into a folder. Nothing outside that folder changes.
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { ExecaError } from "execa";
import { startProgram } from "../fetch/programs.ts";
import {
  exists,
  makeWholeFolder,
  processesFrom,
  remove,
  removeAbandoned,
} from "../fetch/wholeFolder.ts";

/** Packages could not be fetched: the message contains the error, its reason and the remedy. */
export class PackagesError extends Error {
  override name = "PackagesError";
}

/**
 * Downloads packages with all of their dependencies and unpacks them, as if a folder were `/`. Their install scripts
 * do not run.
 *
 * Each list of packages is unpacked into a separate folder beside `folder`, whose name ends in a hash of the list;
 * `folder` is a symbolic link to it. Another list, or another release of the distribution, is therefore fetched again,
 * and programs that run from the earlier folder keep it. A folder is complete when it exists, because it is renamed
 * when everything was unpacked.
 *
 * @param packages names of Debian packages
 * @param folder the target; its parent is created if necessary
 * @param report receives the current activity in a few words, many times
 * @param suite a suite of Debian, such as `trixie`, instead of the configured sources of this machine
 * @returns the folder's real path, which does not change while programs run from it
 * @throws PackagesError without apt, without network, without space, for an unknown package
 */
export async function unpackPackages(
  packages: string[],
  folder: string,
  report: (activity: string) => void,
  suite?: string,
): Promise<string> {
  const made = JSON.stringify([packages, suite ?? (await releaseName()), process.arch]);
  const real = `${folder}-${createHash("sha256").update(made).digest("hex").slice(0, HASH)}`;
  let task = underway.get(real);
  if (!task) {
    task = providePackages(packages, folder, real, report, suite)
      .catch((error) => {
        throw explained(error, packages, real);
      })
      .finally(() => underway.delete(real));
    underway.set(real, task);
  }
  await task;
  return real;
}

/** The length of the hash in a folder's name, in hexadecimal digits. */
const HASH = 8;

/** The downloads of this process, by folder. */
const underway = new Map<string, Promise<void>>();

async function providePackages(
  packages: string[],
  folder: string,
  real: string,
  report: (activity: string) => void,
  suite?: string,
): Promise<void> {
  if (!(await exists(real))) {
    // The loader splits its paths at colons and semicolons; apt has no way to write a quotation mark.
    const bad = /[:;"\\\n]/.exec(real);
    if (bad) {
      const named = JSON.stringify(bad[0]);
      throw new Error(
        `its path contains ${named}, which apt and the loader can't handle: move the repository`,
      );
    }
    await fetchPackages(packages, real, report, suite);
  } else {
    try {
      removeAbandoned(path.dirname(folder));
    } catch {
      // An outdated folder only takes up space; the parent may be read-only by now.
    }
    // An old version of this program has compiled nothing.
    await compileModules(real);
  }
  if ((await readlink(folder).catch(() => "")) !== path.basename(real)) {
    pointTo(real, folder);
    removeOutdated(folder, real);
  }
}

async function fetchPackages(
  packages: string[],
  real: string,
  report: (activity: string) => void,
  suite?: string,
): Promise<void> {
  await makeWholeFolder(real, async (partial) => {
    const root = path.join(partial, "root");
    await mkdir(root);
    const archives = await download(packages, partial, report, suite);
    for (const [index, archive] of archives.entries()) {
      report(`unpacking package ${index + 1} of ${archives.length}`);
      await startProgram("dpkg-deb", ["--extract", archive, root]);
    }
    await addCertificates(root);
    await compileModules(root);
    return root;
  });
}

/**
 * Does the part of the install script of `ca-certificates` that Python needs: it writes one file with all certificates,
 * which Debian's `certifi` finds if the machine itself has none. (Since requests 2.32, the import fails without it.)
 */
async function addCertificates(root: string) {
  const module = path.join(root, "usr/lib/python3/dist-packages/certifi/core.py");
  if (!(await exists(module))) return;
  const folder = path.join(root, "usr/share/ca-certificates/mozilla");
  const names = await readdir(folder);
  const certificates = await Promise.all(names.map((name) => readFile(path.join(folder, name))));
  const machines = "/etc/ssl/certs/ca-certificates.crt";
  await writeFile(path.join(root, machines), certificates);
  const unpacked = path.relative(path.dirname(module), path.join(root, machines));
  await appendFile(
    module,
    `
import os
if not os.path.exists(DEBIAN_CA_CERTS_PATH):
    DEBIAN_CA_CERTS_PATH = os.path.join(os.path.dirname(__file__), ${JSON.stringify(unpacked)})
`,
  );
}

/**
 * Does the part of the install scripts of Python's packages that compiles their modules. Otherwise every start of an
 * Orthanc would compile what its plugin imports, which takes longer than everything else in that start.
 */
async function compileModules(root: string) {
  const python = "usr/bin/python3";
  const version = await readlink(path.join(root, python)).catch(() => undefined);
  const modules = path.join(root, "usr/lib");
  if (!version || (await exists(path.join(modules, version, "__pycache__")))) return;
  const { command, args } = await unpackedProgram(root, python);
  // The modules never change: Python need not compare times.
  const compile = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", modules];
  await startProgram(command, [...args, ...compile], {
    env: { PYTHONHOME: path.join(root, "usr") },
    // A module that is not compiled, because the folder is read-only for instance, is still found.
    reject: false,
  });
}

/** Replaces `folder` by a link to `real`: without a pause, in which the end of this process would leave it half-done. */
function pointTo(real: string, folder: string) {
  const link = `${real}.link-${process.pid}`;
  symlinkSync(path.basename(real), link);
  try {
    // An old version of this program has made a folder.
    if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      renameSync(folder, `${folder}-${"0".repeat(HASH)}`);
    }
    renameSync(link, folder);
  } finally {
    rmSync(link, { force: true });
  }
}

/** Removes the folders of earlier lists, unless programs still run from them. */
function removeOutdated(folder: string, real: string) {
  const prefix = `${path.basename(folder)}-`;
  for (const name of readdirSync(path.dirname(folder))) {
    const other = path.join(path.dirname(folder), name);
    if (other === real || !name.startsWith(prefix)) continue;
    if (/^[0-9a-f]+$/.test(name.slice(prefix.length)) && processesFrom(other).length === 0)
      remove(other);
  }
}

/** Returns the code name of this machine's distribution, such as `bookworm`; `system` if it has none. */
export async function releaseName(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^VERSION_CODENAME=(\w+)/m.exec(text)?.[1] ?? "system";
}

/** Downloads the packages' archives below a folder and returns their paths. */
async function download(
  packages: string[],
  folder: string,
  report: (activity: string) => void,
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
      // With an empty list of installed packages, apt fetches every dependency.
      `Dir::State::status "${folder}/status";`,
      `Dir::Cache "${cache}";`,
      // As root, apt would download as another user, who may have no access to this folder.
      'APT::Sandbox::User "root";',
      'APT::Update::Error-Mode "any";',
      'APT::Install-Recommends "false";',
      // Hooks of other software would change the machine's own folders.
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

/** The keys of all of Debian's suites: each is also signed with the keys of the previous release. */
const DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Writes the source of a suite of Debian into a folder and returns the settings that restrict apt to it. The archive is
 * the one that this machine's own apt uses.
 */
async function onlySuite(suite: string, folder: string): Promise<string> {
  const archive = await debianArchive(suite, folder);
  const source = path.join(folder, "sources.list");
  await writeFile(source, `deb [signed-by=${DEBIAN_KEYS}] ${archive} ${suite} main\n`);
  return [
    "",
    `Dir::Etc::sourcelist "${source}";`,
    // The machine's preferences are meant for its own suite.
    ...["sourceparts", "preferences", "preferencesparts"].map(
      (name) => `Dir::Etc::${name} "/dev/null";`,
    ),
    'APT::Default-Release "";',
  ].join("\n");
}

/**
 * Finds the address of the Debian archive that this machine's own apt uses: if apt has read its sources, the one with
 * the label of Debian; otherwise the first that is configured.
 */
async function debianArchive(suite: string, folder: string): Promise<string> {
  const ask = async (...args: string[]) => {
    const { stdout } = await startProgram("apt-get", args, { env: { LC_ALL: "C" } });
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

async function aptGet(folder: string, args: string[], report: (activity: string) => void) {
  const configuration = ["-c", path.join(folder, "apt.conf")];
  const progress = ["-o", "APT::Status-Fd=3"];
  const apt = startProgram("apt-get", [...configuration, ...progress, ...args], {
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

/** Messages of apt, dpkg-deb and Node, with their meaning and the remedy. The first that matches is reported. */
const REASONS: [said: RegExp, meaning: string][] = [
  [
    /no space left|enough free space|wrote only|ENOSPC|EDQUOT|quota exceeded/i,
    "the disk is full: about 1 GB is needed for a moment",
  ],
  [
    /hash sum mismatch|unexpected size|is not a debian format archive|unexpected end of file|lzma error|corrupt/i,
    "what came from the package archive is damaged or cut off. The archive, or a proxy on the way, may be changing it at this moment: start again in a few minutes",
  ],
  [
    /does not have a release file|no longer has a release file/i,
    "the package archive does not have this release of Debian: look into apt's sources",
  ],
  [
    /NO_PUBKEY|is not signed|EXPKEYSIG|BADSIG|public key is not available/i,
    "the package archive's signature can't be checked with this machine's keys: bring the package debian-archive-keyring up to date",
  ],
  [
    /is not valid yet|is expired|certificate verification failed/i,
    "the package archive's signature or certificate is not valid at this time: is this machine's clock right",
  ],
  [
    /require authentication|NODATA/,
    "another server answers instead of the package archive: does this network ask for a login, or apt need a proxy",
  ],
  [
    / 404 /,
    "the package archive lacks a file that it lists. It may be changing at this moment: start again in a few minutes",
  ],
  [
    / [45]\d\d /,
    "the package archive, or a proxy on the way, answers with an error: try again later, or look into apt's sources and proxy",
  ],
  [
    /failed to fetch|could not resolve|could not connect|unable to connect|temporary failure/i,
    "the package archive could not be reached: is there a network, and does apt know its proxy",
  ],
  [
    /unable to locate package|has no installation candidate/i,
    "this release of the distribution does not have them all",
  ],
];

function explained(error: unknown, packages: string[], folder: string): PackagesError {
  const { code, message } = error as NodeJS.ErrnoException;
  const said = error instanceof ExecaError ? String(error.stderr ?? "") : message;
  const reason =
    error instanceof ExecaError && code === "ENOENT"
      ? "this system has no apt-get or no dpkg-deb (it is not Debian or one of its kin)"
      : (REASONS.find(([pattern]) => pattern.test(said))?.[1] ?? message.split("\n")[0]);
  const details = said
    .split("\n")
    .filter((line) => /^(E|dpkg-deb|tar): |error: /.test(line))
    .slice(0, 3);
  return new PackagesError(
    [
      `Could not fetch the packages ${packages.join(", ")} into ${path.dirname(folder)}: ${reason}.`,
      ...details,
      "Nothing half-done was left: fix that and start again.",
    ].join("\n"),
    { cause: error },
  );
}

/** A program in a folder of unpacked packages. */
export interface UnpackedProgram {
  command: string;
  /** The arguments before the program's own. */
  args: string[];
}

/**
 * Returns the command that starts a program of unpacked packages with their own libraries. The libraries are arguments
 * of the packages' own loader, and not in `LD_LIBRARY_PATH`, which the program's children would inherit.
 *
 * @param root a folder of `unpackPackages`
 * @param program its path below that folder
 * @throws PackagesError if the loader is missing
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

/** Lists the folders of unpacked packages that contain shared libraries. */
export async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (const library of ["lib", "usr/lib"]) {
    const parent = path.join(root, library);
    const names = await readdir(parent).catch(() => []);
    for (const triplet of names.filter((name) => name.includes("-linux-gnu"))) {
      // Debian's install scripts choose one of several BLAS libraries by links; some packages have their own folder,
      // and refer to it by its path in an installed system.
      for (const inner of ["", "blas", "lapack", "pulseaudio"])
        folders.push(path.join(parent, triplet, inner));
    }
    folders.push(parent);
  }
  const there = await Promise.all(folders.map(exists));
  return folders.filter((_, index) => there[index]);
}
