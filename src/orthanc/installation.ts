/** Finds an Orthanc with its Python plugin on this machine, or fetches one into `.orthanc/`. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import {
  releaseName,
  type UnpackedProgram,
  unpackedProgram,
  unpackPackages,
} from "../debian/packages.ts";
import { exists } from "../fetch/wholeFolder.ts";

/** An installed Orthanc, with everything else that the examples need. */
export interface Installation {
  /** The Debian release it belongs to, such as `bookworm`. */
  release: string;
  orthanc: UnpackedProgram;
  /** Variables that Orthanc's environment must contain. */
  environment: Record<string, string>;
  /** The Python plugin's library. */
  plugin: string;
  /** DCMTK's `dcmsend`, which plays the modality. */
  dcmsend: UnpackedProgram;
  /** The folder of pydicom's DICOM test files. */
  testFiles: string;
}

/** The releases of Debian whose Orthanc can be fetched. */
export const RELEASES = ["bookworm", "trixie", "sid"] as const;
export type Release = (typeof RELEASES)[number];

/** A release, or the Orthanc that is installed on this machine. */
export type OrthancChoice = Release | "installed";
export const ORTHANC_CHOICES = [...RELEASES, "installed"] as const;

/** Options for finding an Orthanc. */
export interface Wanted {
  /** By default the one that `ORTHANC_EXECUTABLE` names, if it is set; otherwise that of bookworm, on every machine. */
  release?: OrthancChoice;
  /** Receives the progress of a download. */
  report?: (activity: string) => void;
}

/** No Orthanc was found: the message contains the reason and the remedy. */
export class InstallationError extends Error {
  override name = "InstallationError";
}

const DEFAULT_RELEASE: Release = "bookworm";
const PACKAGES = ["orthanc", "orthanc-python", "python3-pydicom", "python3-requests", "dcmtk"];
const FETCHED = path.resolve(import.meta.dirname, "../../.orthanc");
const PLUGIN_FOLDERS = [
  "share/orthanc/plugins",
  "lib/orthanc/plugins",
  "local/share/orthanc/plugins",
];
const TEST_FILES = "lib/python3/dist-packages/pydicom/data/test_files";

/**
 * Finds an Orthanc: that of a release is fetched into `.orthanc/` on first use. The installed one is the one that
 * `ORTHANC_EXECUTABLE` names; otherwise `Orthanc` on the PATH or in `/usr/sbin`.
 *
 * @throws InstallationError if a release can't be fetched, or if the installed Orthanc is missing, or lacks something
 * that the examples need
 */
export async function findOrthanc({
  release = process.env.ORTHANC_EXECUTABLE ? "installed" : DEFAULT_RELEASE,
  report = () => {},
}: Wanted = {}): Promise<Installation> {
  const own = await releaseName();
  if (release === "installed") return findInstalled(own);
  const suite = release === own ? undefined : release;
  try {
    const folder = path.join(FETCHED, release);
    return await unpacked(await unpackPackages(PACKAGES, folder, report, suite), release);
  } catch (error) {
    throw new InstallationError(
      `${(error as Error).message}\nThe way out: install them yourself, and choose --orthanc installed, or let ORTHANC_EXECUTABLE name that Orthanc.`,
      { cause: error },
    );
  }
}

/** Tells which releases have been fetched. */
export async function fetchedReleases(): Promise<Release[]> {
  const names = await readdir(FETCHED).catch((): string[] => []);
  return RELEASES.filter((release) => names.includes(release));
}

/** Finds the Orthanc that is installed on this machine, of a release of Debian. */
async function findInstalled(release: string): Promise<Installation> {
  const chosen = process.env.ORTHANC_EXECUTABLE;
  if (chosen) {
    const found = await installed(chosen, release);
    if (typeof found !== "string") return found;
    throw new InstallationError(
      `ORTHANC_EXECUTABLE names ${chosen}, which can't be used: ${found}. Unset it to have an Orthanc fetched.`,
    );
  }
  for (const folder of [...(process.env.PATH ?? "").split(":"), "/usr/sbin"]) {
    const executable = path.join(folder, "Orthanc");
    if (!(await exists(executable))) continue;
    const found = await installed(executable, release);
    if (typeof found !== "string") return found;
    throw new InstallationError(`${executable} can't be used: ${found}.`);
  }
  throw new InstallationError(
    "No Orthanc is installed on this machine: choose a release, which is fetched, or let ORTHANC_EXECUTABLE name one.",
  );
}

/** Looks at an Orthanc that is installed system-wide: returns a sentence if something that belongs to it is missing. */
async function installed(named: string, release: string): Promise<Installation | string> {
  const executable = path.resolve(named);
  if (!(await exists(executable))) return "there is no such file";
  const prefix = path.dirname(path.dirname(executable));
  const plugin = await firstExisting([prefix, "/usr"], PLUGIN_FOLDERS, "libOrthancPython.so");
  if (!plugin) return "its Python plugin is not installed (package orthanc-python)";
  const testFiles = await firstExisting([prefix, "/usr"], [TEST_FILES], "");
  if (!testFiles) return "pydicom is not installed (package python3-pydicom)";
  if (!(await exists("/usr/lib/python3/dist-packages/requests"))) {
    return "requests is not installed (package python3-requests)";
  }
  const dcmsend = await firstExisting([prefix, "/usr"], ["bin"], "dcmsend");
  if (!dcmsend) return "dcmsend is not installed (package dcmtk)";
  return {
    release,
    orthanc: { command: executable, args: [] },
    environment: {},
    plugin,
    dcmsend: { command: dcmsend, args: [] },
    testFiles,
  };
}

async function firstExisting(prefixes: string[], folders: string[], name: string) {
  for (const prefix of prefixes) {
    for (const folder of folders) {
      const file = path.join(prefix, folder, name);
      if (await exists(file)) return file;
    }
  }
}

/** Finds the Orthanc in a folder of unpacked packages. */
async function unpacked(root: string, release: string): Promise<Installation> {
  const usr = path.join(root, "usr");
  const dictionary = await firstExisting(
    [path.join(usr, "share")],
    ["libdcmtk17", "libdcmtk18", "libdcmtk19", "libdcmtk20", "dcmtk"],
    "dicom.dic",
  );
  const environment: Record<string, string> = { PYTHONHOME: usr };
  // DCMTK refuses to start if its dictionary is missing.
  if (dictionary) environment.DCMDICTPATH = dictionary;
  return {
    release,
    orthanc: await unpackedProgram(root, "usr/sbin/Orthanc"),
    environment,
    plugin: path.join(usr, "share/orthanc/plugins/libOrthancPython.so"),
    dcmsend: await unpackedProgram(root, "usr/bin/dcmsend"),
    testFiles: path.join(usr, TEST_FILES),
  };
}
