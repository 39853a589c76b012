/** Finds a Node for TypeScript programs, or fetches one into `.node/`. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { ExecaError } from "execa";
import { startProgram } from "../fetch/programs.ts";
import { exists, makeWholeFolder } from "../fetch/wholeFolder.ts";
import { NODE_RELEASES, type NodeRelease, PINNED } from "./releases.ts";

/** A release, or the Node that runs this program. */
export type NodeChoice = NodeRelease | "installed";
export const NODE_CHOICES = [...NODE_RELEASES, "installed"] as const;

/** The default: the registry has binaries of the pinned versions for Linux on these processors alone. */
export const DEFAULT_NODE: NodeChoice = packageName() ? "24" : "installed";

/** A Node that runs TypeScript files. */
export interface Node {
  /** Such as `24.21.0`. */
  version: string;
  /** Variables with which `node` is this Node, and reads TypeScript. */
  environment: { PATH: string; NODE_OPTIONS?: string };
}

/** The option with which the Node that runs this program reads TypeScript: none from 22.18 on. */
export const LOADER = process.features.typescript
  ? undefined
  : `--import=${import.meta.resolve("@oxc-node/core/register")}`;

/** A Node can't be fetched: the message contains the reason and the remedy. */
export class NodeError extends Error {
  override name = "NodeError";
}

/** Options for finding a Node. */
export interface WantedNode {
  node?: NodeChoice;
  /** Receives the progress of a download. */
  report?: (activity: string) => void;
}

const FETCHED = path.resolve(import.meta.dirname, "../../.node");

/**
 * Finds a Node. One of a release is fetched on first use, from the registry that npm uses, and compared with the hash
 * in `releases.ts`.
 * @throws NodeError if it can't be fetched
 */
export async function findNode({
  node = DEFAULT_NODE,
  report = () => {},
}: WantedNode = {}): Promise<Node> {
  if (node === "installed") return installedNode();
  const { version } = PINNED[node];
  const folder = path.join(FETCHED, version);
  if (!(await exists(folder))) {
    report(`downloading ${version}`);
    await fetchNode(node, folder);
  }
  return { version, environment: { PATH: searchPath(path.join(folder, "bin")) } };
}

/** Tells which releases have been fetched. */
export async function fetchedNodes(): Promise<NodeRelease[]> {
  const names = await readdir(FETCHED).catch((): string[] => []);
  return NODE_RELEASES.filter((node) => names.includes(PINNED[node].version));
}

function installedNode(): Node {
  return {
    version: process.versions.node,
    environment: {
      PATH: searchPath(path.dirname(process.execPath)),
      ...(LOADER && { NODE_OPTIONS: LOADER }),
    },
  };
}

function searchPath(first: string): string {
  return [first, process.env.PATH].filter(Boolean).join(path.delimiter);
}

async function fetchNode(node: NodeRelease, folder: string): Promise<void> {
  const name = packageName();
  const { version, integrity } = PINNED[node];
  try {
    if (!name) throw new Error(`there is none for ${process.platform} on ${process.arch}`);
    await makeWholeFolder(folder, async (partial) => {
      // Within `npm run --silent`, npm would print no error.
      const options = ["--pack-destination", partial, "--loglevel", "error"];
      await startProgram("npm", ["pack", `${name}@${version}`, ...options]);
      const [archive = ""] = await readdir(partial);
      const bytes = await readFile(path.join(partial, archive));
      const hash = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
      if (hash !== integrity[process.arch]) {
        throw new Error("what came from the registry is not what releases.ts pins");
      }
      const members = ["package/bin/node", "package/LICENSE"];
      await startProgram("tar", ["-xzf", path.join(partial, archive), "-C", partial, ...members]);
      return path.join(partial, "package");
    });
  } catch (error) {
    throw new NodeError(
      `Could not fetch Node ${version} into ${path.dirname(folder)}: ${reasonOf(error as ExecaError)}.
Nothing half-done was left: fix that and start again, or use the Node that is installed: --node installed.`,
      { cause: error },
    );
  }
}

/** The registry's package of Node's binary for this machine; undefined if `releases.ts` has none. */
function packageName(): string | undefined {
  const { platform, arch } = process;
  if (platform === "linux" && PINNED[22].integrity[arch]) return `node-linux-${arch}`;
}

function reasonOf({ message, stderr, code }: Partial<ExecaError>): string {
  if (code === "ENOENT") return "this system has no npm or no tar";
  if (code === "ENOSPC" || /ENOSPC/.test(String(stderr))) {
    return "the disk is full: about 250 MB are needed for a moment";
  }
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/.test(String(stderr))) {
    return "the registry could not be reached: is there a network, and does npm know its proxy";
  }
  const said = /^npm error (?!code )(.+)$/m.exec(String(stderr))?.[1] ?? message;
  return String(said).split("\n")[0]?.replace(/\.$/, "") ?? "";
}
