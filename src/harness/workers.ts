import {
  descendants,
  environmentVariable,
  programName,
  readProcess,
  runningProcesses,
} from "../linux/processes.js";
import type { Orthanc } from "../orthanc/server.ts";

/**
 * The ids of Orthanc's worker processes: its descendants without children, except Node, whose workers may be threads,
 * and the helper of `pool.py`, even when all of its workers have been killed.
 */
export function workers(orthanc: Orthanc): number[] {
  const parents = new Set(runningProcesses().map(({ parent }) => parent));
  return descendants(orthanc.pid).filter(
    (pid) => !parents.has(pid) && programName(pid) !== "pool-helper" && !isNodeOfBridge(pid),
  );
}

/** Tells if `bridge.py` has started a process. The children of Node have the variable, too, but so has their parent. */
function isNodeOfBridge(pid: number): boolean {
  const hasSocket = (one: number) =>
    environmentVariable(one, "ORTHANC_PLUGIN_SOCKET") !== undefined;
  return hasSocket(pid) && !hasSocket(readProcess(pid)?.parent ?? 0);
}
