/** Starts an example's twin on a new private Orthanc. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import { compareFileNames, type Twin } from "../protocol/programs.ts";
import type { Versions } from "../protocol/run.ts";
import { EXAMPLES, type Example, ExampleError } from "./example.ts";

const NODE_MODULES = path.resolve(EXAMPLES, "../node_modules");
/** The files that readers copy along with a twin, below `examples/`. */
const COPIED_ALONG: Record<Twin, string[]> = {
  python: ["pool/pool.py", "routes/routes.py"],
  typescript: ["bridge/bridge.py", "pool/pool.ts", "routes/routes.ts", "undici/client.ts"],
};

/** The texts of a twin's own files, by name. */
export type TwinFiles = Record<string, string>;

/** An example, or one of a hazard's folders. */
export type Startable = Pick<Example, "folder" | "routes" | "instances">;

/** Reads the files that readers copy along with a twin. */
export async function readSharedFiles(twin: Twin): Promise<TwinFiles> {
  const texts = COPIED_ALONG[twin].map(async (name) => [
    path.basename(name),
    await readFile(path.join(EXAMPLES, name), "utf8"),
  ]);
  return Object.fromEntries(await Promise.all(texts));
}

/** Reads a twin's own files: those that pages show and readers may change. */
export async function readTwinFiles({ folder }: Startable, twin: Twin): Promise<TwinFiles> {
  const ending = twin === "python" ? /\.py$/ : /(?<!\.test)\.ts$/;
  const names = (await readdir(folder)).filter((name) => ending.test(name)).sort(compareFileNames);
  const texts = names.map((name) => readFile(path.join(folder, name), "utf8"));
  return Object.fromEntries((await Promise.all(texts)).map((text, index) => [names[index], text]));
}

/**
 * Replaces texts in a twin's files.
 * @param replacements by file: text to replacement; each text must occur exactly once
 * @returns the files that were changed
 * @throws ExampleError with the file, and the text if it does not occur exactly once
 */
export function replaceTexts(
  files: TwinFiles,
  replacements: Record<string, Record<string, string>>,
): TwinFiles {
  const found: TwinFiles = {};
  for (const [name, pairs] of Object.entries(replacements)) {
    let text = files[name];
    if (text === undefined) throw new ExampleError(`There is no file ${name} to replace texts in.`);
    for (const [from, to] of Object.entries(pairs)) {
      const parts: string[] = text.split(from);
      if (parts.length !== 2)
        throw new ExampleError(`${name} must have this text once, to be replaced: ${from}`);
      text = parts.join(to);
    }
    found[name] = text;
  }
  return found;
}

/** Options for starting a twin. */
export interface TwinOptions
  extends Pick<OrthancOptions, "configuration" | "environment" | "release" | "limits" | "signal"> {
  /** Files that replace the twin's own or those copied along, or are added: name to text. */
  edited?: TwinFiles;
  /** The file that Orthanc or the bridge loads, if it is not `plugin.py` or `plugin.ts`. */
  script?: string;
}

/**
 * Starts a private Orthanc that serves one twin of an example, and sends it the example's DICOM files. The twin
 * runs as a copy in Orthanc's private folder, beside the files that readers copy along.
 * @throws StartError, InstallationError, PackagesError; the signal's reason if it was aborted
 */
export async function startTwin(
  example: Startable,
  twin: Twin,
  { edited, script, configuration, environment, release, limits, signal }: TwinOptions = {},
): Promise<Orthanc> {
  const files: TwinFiles = {
    ...(await readSharedFiles(twin)),
    ...(await readTwinFiles(example, twin)),
    ...edited,
  };
  const options: OrthancOptions =
    twin === "python"
      ? { script: script ?? "plugin.py", files }
      : bridgeOptions(files, example.routes, script);
  const orthanc = await startOrthanc({
    ...options,
    configuration: { ...options.configuration, ...configuration },
    environment: { ...options.environment, ...environment },
    release,
    limits,
    signal,
  });
  try {
    const { testFiles } = orthanc.installation;
    if (example.instances.length > 0) {
      await orthanc.send(example.instances.map((file) => path.join(testFiles, file)));
    }
    return orthanc;
  } catch (error) {
    await orthanc.stop();
    throw error;
  }
}

/**
 * Makes the options of an Orthanc whose bridge runs a TypeScript program.
 * @param files the program with all that it imports, and `bridge.py`: name to text
 * @param script the program's file
 */
export function bridgeOptions(
  files: TwinFiles,
  routes: string[],
  script = "plugin.ts",
): OrthancOptions {
  return {
    script: "bridge.py",
    files: { ...files, "package.json": '{ "type": "module" }\n' },
    links: { node_modules: NODE_MODULES },
    environment: typescriptEnvironment(),
    configuration: { Node: { Script: script, Routes: routes, Executable: process.execPath } },
  };
}

/** The variables with which Node runs TypeScript files: a loader, before Node 22.18. */
export function typescriptEnvironment(): Record<string, string> {
  if (process.features.typescript) return {};
  return { NODE_OPTIONS: `--import=${import.meta.resolve("@oxc-node/core/register")}` };
}

/** Asks an Orthanc for the versions of what runs in it. */
export async function fetchVersions(orthanc: Orthanc): Promise<Versions> {
  const system = (await (await orthanc.request("/system")).json()) as { Version: string };
  const plugin = (await (await orthanc.request("/plugins/python")).json()) as { Version: string };
  const python = /libpython(\d+\.\d+)/.exec(await orthanc.log())?.[1];
  return {
    orthanc: system.Version,
    plugin: plugin.Version,
    python: python ?? "unknown",
    node: process.versions.node,
  };
}
