/** Finds a Chromium for the browser tests, or fetches one into `.orthanc/`. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { libraryFolders, PackagesError, unpackPackages } from "../debian/packages.ts";
import { exists } from "../fetch/wholeFolder.ts";

/** The command that starts a browser. */
export interface Browser {
  executablePath: string;
  /** Variables that are added to its environment. */
  env: Record<string, string>;
}

const NAMES = ["chromium", "chromium-headless-shell", "chromium-browser", "google-chrome"];
const FETCHED = path.resolve(import.meta.dirname, "../../.orthanc/chromium");

/**
 * Finds a Chromium, in this order: the one that `CHROMIUM_EXECUTABLE` names; one on the PATH; else the
 * distribution's headless one, fetched on first use without root.
 *
 * @param report receives the progress of a download
 * @throws PackagesError if none is installed and none can be fetched
 */
export async function findBrowser(report: (activity: string) => void = () => {}): Promise<Browser> {
  const chosen = process.env.CHROMIUM_EXECUTABLE;
  if (chosen) return { executablePath: chosen, env: {} };
  for (const folder of (process.env.PATH ?? "").split(":")) {
    for (const name of NAMES) {
      const executablePath = path.join(folder, name);
      if (await exists(executablePath)) return { executablePath, env: {} };
    }
  }
  return unpacked(
    await unpackPackages(["chromium-headless-shell", "fonts-dejavu-core"], FETCHED, report),
  );
}

async function unpacked(root: string): Promise<Browser> {
  const folder = path.join(root, "usr/lib/chromium");
  const name = (await readdir(folder)).find((file) => /^(chromium-)?headless.shell$/.test(file));
  if (!name) throw new PackagesError(`${folder} has no browser: remove ${root} and start again.`);
  return {
    executablePath: path.join(folder, name),
    env: {
      LD_LIBRARY_PATH: (await libraryFolders(root)).join(":"),
      FONTCONFIG_PATH: path.join(root, "etc/fonts"),
      // The fonts' configuration looks here, in addition to the system's own folders.
      XDG_DATA_HOME: path.join(root, "usr/share"),
    },
  };
}
