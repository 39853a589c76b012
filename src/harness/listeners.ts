/** The TCP sockets on which the processes of a private Orthanc listen, as Linux tells it. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Orthanc } from "../orthanc/server.ts";
import { descendants } from "./processes.ts";

/** The state of a socket that listens, in the kernel's tables. */
const LISTEN = "0A";

/**
 * Who else listens than Orthanc itself on its two ports, in a few words each, such as
 * `process 4242 (node) listens on TCP port 8080`. A twin serves its routes through Orthanc and needs no port.
 */
export function strayListeners(orthanc: Orthanc): string[] {
  const own = [Number(new URL(orthanc.url).port), orthanc.dicomPort];
  const found: string[] = [];
  for (const pid of [orthanc.pid, ...descendants(orthanc)]) {
    const ports = listeningPorts(pid);
    for (const port of ports) {
      if (pid === orthanc.pid && own.includes(port)) continue;
      const name = textOf(() => readFileSync(`/proc/${pid}/comm`, "utf8")).trim();
      found.push(`process ${pid} (${name}) listens on TCP port ${port}`);
    }
  }
  return found;
}

/** The ports on which a process listens; none where it has ended. */
function listeningPorts(pid: number): Set<number> {
  const sockets = new Set(
    namesIn(`/proc/${pid}/fd`).map((fd) => textOf(() => readlinkSync(`/proc/${pid}/fd/${fd}`))),
  );
  const tables = ["tcp", "tcp6"].map((name) => `/proc/${pid}/net/${name}`);
  const lines = tables.flatMap((table) =>
    textOf(() => readFileSync(table, "utf8"))
      .split("\n")
      .slice(1),
  );
  const ports = new Set<number>();
  for (const line of lines) {
    // sl, local address, remote address, state, queues, timer, retransmits, user, timeout, inode
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state !== LISTEN || !sockets.has(`socket:[${inode}]`)) continue;
    ports.add(Number.parseInt(local.split(":")[1] ?? "", 16));
  }
  return ports;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
