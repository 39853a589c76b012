/** The Node process of a TypeScript twin. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Orthanc } from "../orthanc/server.ts";
import { descendants } from "./processes.ts";

/** How long Node may take to listen, in milliseconds. A program that ends while it loads never does. */
const LIMIT = 5_000;

/** What the bridge gives to Node in its environment. */
export interface NodeEnvironment {
  ORTHANC_TOKEN: string;
  ORTHANC_PLUGIN_SOCKET: string;
}

/**
 * Waits until the Node of a TypeScript twin listens. Orthanc answers before it does, and a request that comes
 * earlier has to wait: its time would be compared with those of later ones.
 * @returns what the bridge has given to Node; undefined if it does not listen within 5 seconds
 */
export async function nodeListens(orthanc: Orthanc): Promise<NodeEnvironment | undefined> {
  const end = performance.now() + LIMIT;
  for (;;) {
    const environment = environmentOfNode(orthanc);
    if (environment && existsSync(environment.ORTHANC_PLUGIN_SOCKET)) return environment;
    if (performance.now() > end) return environment;
    await sleep(20);
  }
}

function environmentOfNode(orthanc: Orthanc): NodeEnvironment | undefined {
  for (const pid of descendants(orthanc)) {
    try {
      const lines = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const value = (name: string) =>
        lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
      const token = value("ORTHANC_TOKEN");
      const socket = value("ORTHANC_PLUGIN_SOCKET");
      if (token && socket) return { ORTHANC_TOKEN: token, ORTHANC_PLUGIN_SOCKET: socket };
    } catch {
      // It has ended in the meantime.
    }
  }
}
