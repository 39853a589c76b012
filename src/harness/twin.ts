/** Starts an example's twin on a fresh private Orthanc. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import { EXAMPLES, type Example, ExampleError, type Twin } from "./example.ts";
import type { Versions } from "./run.ts";

const NODE_MODULES = path.resolve(EXAMPLES, "../node_modules");
/** The files that readers copy along, below `examples/`. */
const COPIED_ALONG: Record<Twin, string[]> = {
  python: ["pool/pool.py", "routes/routes.py"],
  typescript: ["bridge/bridge.py", "pool/pool.ts", "routes/routes.ts", "undici/client.ts"],
};

/** The texts of a twin's own files, by name. */
export type TwinFiles = Record<string, string>;

/** What starts a twin: an example, or one of a hazard's folders. */
export type Startable = Pick<Example, "folder" | "routes" | "instances">;

/** Reads a twin's own files: those that a page shows, and that a reader may change. */
export async function readTwinFiles({ folder }: Startable, twin: Twin): Promise<TwinFiles> {
  const ending = twin === "python" ? /\.py$/ : /(?<!\.test)\.ts$/;
  const names = (await readdir(folder)).filter((name) => ending.test(name)).sort();
  const texts = names.map((name) => readFile(path.join(folder, name), "utf8"));
  return Object.fromEntries((await Promise.all(texts)).map((text, index) => [names[index], text]));
}

/**
 * Those of a twin's files in which texts are to be replaced, with the texts replaced.
 * @param replacements by file: text to replacement; each text must be there exactly once
 * @throws ExampleError that names the file and the text which is not
 */
export function replaced(
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

/** How a twin is started. */
export interface TwinOptions
  extends Pick<OrthancOptions, "configuration" | "release" | "limits" | "signal"> {
  /** Texts that take the place of the twin's own files and of those beside them, or are added. */
  edited?: TwinFiles;
  /** What Orthanc or the bridge loads, where it is not `plugin.py` or `plugin.ts`. */
  script?: string;
}

/**
 * Starts a private Orthanc that serves one twin of an example, and sends it the example's DICOM files. The twin
 * runs as a copy in Orthanc's private folder, beside what the pages tell readers to copy along.
 * @throws StartError, InstallationError, PackagesError; the signal's reason where it was aborted
 */
export async function startTwin(
  example: Startable,
  twin: Twin,
  { edited, script, configuration, release, limits, signal }: TwinOptions = {},
): Promise<Orthanc> {
  const files: TwinFiles = {};
  for (const name of COPIED_ALONG[twin]) {
    files[path.basename(name)] = await readFile(path.join(EXAMPLES, name), "utf8");
  }
  Object.assign(files, await readTwinFiles(example, twin), edited);
  const orthanc = await startOrthanc(
    twin === "python"
      ? { script: script ?? "plugin.py", files, configuration, release, limits, signal }
      : {
          script: "bridge.py",
          files: { ...files, "package.json": '{ "type": "module" }\n' },
          links: { node_modules: NODE_MODULES },
          environment: typescriptEnvironment(),
          configuration: {
            Node: {
              Script: script ?? "plugin.ts",
              Routes: example.routes,
              Executable: process.execPath,
            },
            ...configuration,
          },
          release,
          limits,
          signal,
        },
  );
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

/** What Node's environment must have to run TypeScript files: a loader, before Node 22.18. */
export function typescriptEnvironment(): Record<string, string> {
  if (process.features.typescript) return {};
  return { NODE_OPTIONS: `--import=${import.meta.resolve("@oxc-node/core/register")}` };
}

/** What runs in an Orthanc: asked of the server itself. */
export async function versionsOf(orthanc: Orthanc): Promise<Versions> {
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
