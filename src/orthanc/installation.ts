/** Finds an Orthanc with its Python plugin on this machine, or fetches one into `.orthanc/`. */
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

/** Options for finding an Orthanc. */
export interface Wanted {
  /** The release of Debian, whose Orthanc is always fetched; without it, this machine's own Orthanc. */
  release?: Release;
  /** Receives the progress of a download. */
  report?: (activity: string) => void;
}

/** No Orthanc was found: the message contains the reason and the remedy. */
export class InstallationError extends Error {
  override name = "InstallationError";
}

const PACKAGES = ["orthanc", "orthanc-python", "python3-pydicom", "python3-requests", "dcmtk"];
const FETCHED = path.resolve(import.meta.dirname, "../../.orthanc");
const PLUGIN_FOLDERS = [
  "share/orthanc/plugins",
  "lib/orthanc/plugins",
  "local/share/orthanc/plugins",
];
const TEST_FILES = "lib/python3/dist-packages/pydicom/data/test_files";

/**
 * Finds an Orthanc. With a release, it is that release's, fetched into `.orthanc/` on first use. Without one, it is, in
 * this order: the one that `ORTHANC_EXECUTABLE` names; `Orthanc` on the PATH or in `/usr/sbin`, if everything else that
 * the examples need is also installed; otherwise the distribution's own, fetched in the same way.
 *
 * @throws PackagesError if a release can't be fetched
 * @throws InstallationError if `ORTHANC_EXECUTABLE` names no usable Orthanc, or if none is installed and none can be
 * fetched
 */
export async function findOrthanc({
  release: wanted,
  report = () => {},
}: Wanted = {}): Promise<Installation> {
  const release = await releaseName();
  if (wanted) return fetched(wanted, report, wanted === release ? undefined : wanted);
  const chosen = process.env.ORTHANC_EXECUTABLE;
  if (chosen) {
    const found = await installed(chosen, release);
    if (typeof found === "string") {
      throw new InstallationError(
        `ORTHANC_EXECUTABLE names ${chosen}, which can't be used: ${found}. Unset it to have an Orthanc fetched.`,
      );
    }
    return found;
  }
  for (const folder of [...(process.env.PATH ?? "").split(":"), "/usr/sbin"]) {
    const found = await installed(path.join(folder, "Orthanc"), release);
    if (typeof found !== "string") return found;
  }
  return fetched(release, report).catch((error: Error) => {
    throw new InstallationError(
      `${error.message}\nThe way out: install them yourself, or let ORTHANC_EXECUTABLE name an Orthanc that has them.`,
      { cause: error },
    );
  });
}

/** Fetches the Orthanc of a release, from this machine's own package sources or from those of another suite. */
async function fetched(
  release: string,
  report: (activity: string) => void,
  suite?: string,
): Promise<Installation> {
  const folder = path.join(FETCHED, release);
  return unpacked(await unpackPackages(PACKAGES, folder, report, suite), release);
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
