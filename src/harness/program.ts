/** Starts a scenario's program on a new private Orthanc. */
import path from "node:path";
import type { Program } from "../catalogue/catalogue.ts";
import { type Files, readProgramFiles, readSharedFiles } from "../catalogue/files.ts";
import { findNode, type Node, type NodeChoice } from "../node/node.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import type { Versions } from "../protocol/run.ts";

const NODE_MODULES = path.resolve(import.meta.dirname, "../../node_modules");

/** The parts of a program that its start needs. */
export type Startable = Pick<Program, "folder" | "language" | "routes" | "instances"> &
  Partial<Pick<Program, "script" | "configuration">>;

/** What a program runs on. */
export interface Platform extends Pick<OrthancOptions, "release"> {
  /** The Node of a TypeScript program. */
  node?: NodeChoice;
}

/** Options for starting a program. */
export interface StartOptions
  extends Platform,
    Pick<
      OrthancOptions,
      "configuration" | "environment" | "users" | "limits" | "startLimit" | "signal"
    > {
  /** Files that replace the program's own or those copied along, or are added: name to text. */
  edited?: Files;
}

/**
 * Starts a private Orthanc that serves a program, and sends it the program's DICOM files. The program runs as a copy
 * in Orthanc's private folder, beside the files that readers copy along.
 * @throws StartError, InstallationError, NodeError; the signal's reason if it was aborted
 */
export async function startProgram(
  program: Startable,
  { node, edited, configuration, environment, ...others }: StartOptions = {},
): Promise<Orthanc> {
  const { language, routes, script, instances } = program;
  const files: Files = {
    ...(await readSharedFiles(language)),
    ...(await readProgramFiles(program)),
    ...edited,
  };
  const options: OrthancOptions =
    language === "python"
      ? { script: script ?? "plugin.py", files }
      : bridgeOptions(await findNode({ node }), files, routes, script);
  const orthanc = await startOrthanc({
    ...options,
    ...others,
    configuration: { ...options.configuration, ...program.configuration, ...configuration },
    environment: { ...options.environment, ...environment },
  });
  try {
    const { testFiles } = orthanc.installation;
    if (instances.length > 0) {
      await orthanc.send(instances.map((file) => path.join(testFiles, file)));
    }
    return orthanc;
  } catch (error) {
    await orthanc.stop();
    throw error;
  }
}

/**
 * Makes the options of an Orthanc whose bridge runs a TypeScript program on a Node.
 * @param files the program with all that it imports, and `bridge.py`: name to text
 * @param script the program's file
 */
export function bridgeOptions(
  { environment }: Pick<Node, "environment">,
  files: Files,
  routes: string[],
  script = "plugin.ts",
): OrthancOptions {
  return {
    script: "bridge.py",
    files: { ...files, "package.json": '{ "type": "module" }\n' },
    links: { node_modules: NODE_MODULES },
    environment,
    configuration: { Node: { Script: script, Routes: routes } },
  };
}

/** Asks an Orthanc for the versions of what runs in it, and adds that of the Node. */
export async function fetchVersions(orthanc: Orthanc, node?: NodeChoice): Promise<Versions> {
  const system = (await (await orthanc.request("/system")).json()) as { Version: string };
  const plugin = (await (await orthanc.request("/plugins/python")).json()) as { Version: string };
  const python = /libpython(\d+\.\d+)/.exec(await orthanc.log())?.[1];
  return {
    orthanc: system.Version,
    plugin: plugin.Version,
    python: python ?? "unknown",
    node: (await findNode({ node })).version,
  };
}
