import { descendants, programName } from "../linux/processes.js";
import { listeningPorts } from "../linux/sockets.ts";
import type { Orthanc } from "../orthanc/server.ts";

/**
 * Finds the TCP ports, other than Orthanc's own two, on which a private Orthanc or one of its descendants listens:
 * for each a few words such as `process 4242 (node) listens on TCP port 8080`. A twin serves its routes through
 * Orthanc and needs no port.
 */
export function findStrayListeners({ pid: orthanc, ports }: Orthanc): string[] {
  const own = Object.values(ports);
  return [orthanc, ...descendants(orthanc)].flatMap((pid) =>
    listeningPorts(pid)
      .filter((port) => pid !== orthanc || !own.includes(port))
      .map((port) => `process ${pid} (${programName(pid)}) listens on TCP port ${port}`),
  );
}
