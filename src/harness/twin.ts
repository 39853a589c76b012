/** Starts an example's twin on a fresh private Orthanc. */
import path from "node:path";
import { type Orthanc, startOrthanc } from "../orthanc/server.ts";
import { EXAMPLES, type Example, type Twin } from "./example.ts";
import type { Versions } from "./run.ts";

const BRIDGE = path.join(EXAMPLES, "bridge/bridge.py");
/** The folder of the Python file that readers copy along with a Python twin. */
const POOL = path.join(EXAMPLES, "pool");

/**
 * Starts a private Orthanc that serves one twin of an example, and sends it the example's DICOM files.
 * @param configuration settings that are added to Orthanc's
 * @throws StartError, InstallationError, PackagesError
 */
export async function startTwin(
  example: Example,
  twin: Twin,
  configuration: Record<string, unknown> = {},
): Promise<Orthanc> {
  const orthanc = await startOrthanc(
    twin === "python"
      ? {
          script: path.join(example.folder, "plugin.py"),
          environment: { PYTHONPATH: POOL },
          configuration,
        }
      : {
          script: BRIDGE,
          environment: typescriptEnvironment(),
          configuration: {
            Node: {
              Script: path.join(example.folder, "plugin.ts"),
              Routes: example.routes,
              Executable: process.execPath,
            },
            ...configuration,
          },
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
