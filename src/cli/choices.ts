/** The options with which a command's user chooses an Orthanc and a Node, which are fetched on first use. */
import { type Command, Option } from "commander";
import ora, { type Ora } from "ora";
import type { Platform } from "../harness/program.ts";
import { DEFAULT_NODE, findNode, NODE_CHOICES, type NodeChoice } from "../node/node.ts";
import { findOrthanc, ORTHANC_CHOICES, type OrthancChoice } from "../orthanc/installation.ts";

export interface Choices {
  orthanc?: OrthancChoice;
  node?: NodeChoice;
}

/** Adds `--orthanc` and `--node` to a command. */
export function addChoices(command: Command): Command {
  return command
    .addOption(
      new Option("--orthanc <release>", "the release of Debian whose Orthanc is started").choices(
        ORTHANC_CHOICES,
      ),
    )
    .addOption(
      new Option(
        "--node <release>",
        `the Node of TypeScript programs; by default, ${DEFAULT_NODE}`,
      ).choices(NODE_CHOICES),
    );
}

/**
 * Fetches what was chosen, unless it is there.
 * @returns the options with which programs are started on it
 * @throws InstallationError, NodeError
 */
export async function fetchChoices({ orthanc: release, node }: Choices): Promise<Platform> {
  await fetching("Orthanc", (report) => findOrthanc({ release, report }));
  await fetching("Node for TypeScript programs", (report) => findNode({ node, report }));
  return { release, node };
}

/** Shows the progress of a download, if there is anything to download. */
export async function fetching<Found>(
  what: string,
  find: (report: (activity: string) => void) => Promise<Found>,
): Promise<Found> {
  let progress: Ora | undefined;
  try {
    const found = await find((activity) => {
      progress ??= ora(what).start();
      progress.text = `${what}: ${activity}`;
    });
    progress?.succeed(`${what} is here`);
    return found;
  } catch (error) {
    progress?.fail();
    throw error;
  }
}
