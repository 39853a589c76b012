/** The Node process of a TypeScript twin. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { descendants, environmentVariable } from "../linux/processes.js";
import type { Orthanc } from "../orthanc/server.ts";

/** The time limit for Node to listen, in milliseconds. A program that ends while it loads never listens. */
const LIMIT = 5_000;

/** The variables that the bridge sets in Node's environment. */
export interface NodeEnvironment {
  ORTHANC_TOKEN: string;
  ORTHANC_PLUGIN_SOCKET: string;
}

/**
 * Waits until the Node of a TypeScript twin listens. Orthanc answers earlier, and a request that arrives before Node
 * listens has to wait: its time would not be comparable with later ones.
 * @returns the variables that the bridge has set; undefined if Node has not started within 5 seconds
 */
export async function waitForNode(orthanc: Orthanc): Promise<NodeEnvironment | undefined> {
  const end = performance.now() + LIMIT;
  for (;;) {
    const environment = nodeEnvironment(orthanc);
    if (environment && existsSync(environment.ORTHANC_PLUGIN_SOCKET)) return environment;
    if (performance.now() > end) return environment;
    await sleep(20);
  }
}

function nodeEnvironment({ pid: orthanc }: Orthanc): NodeEnvironment | undefined {
  for (const pid of descendants(orthanc)) {
    const token = environmentVariable(pid, "ORTHANC_TOKEN");
    const socket = environmentVariable(pid, "ORTHANC_PLUGIN_SOCKET");
    if (token && socket) return { ORTHANC_TOKEN: token, ORTHANC_PLUGIN_SOCKET: socket };
  }
  return undefined;
}
