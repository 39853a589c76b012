/**
 * The sockets of this machine, from Linux's `/proc`. The columns of its tables of TCP sockets are described in the
 * kernel's `Documentation/networking/proc_net_tcp.rst`.
 */
import { readFileSync } from "node:fs";
import { openFiles } from "./processes.js";

/** States of a TCP socket, in the kernel's tables. */
export const LISTEN = "0A";
export const ESTABLISHED = "01";

/** A row of a table of TCP sockets. */
export interface TcpSocket {
  /** Its own address and port, hexadecimal, such as `0100007F:1F90`; `portIn` reads the port. */
  local: string;
  /** Those of the other end. */
  remote: string;
  /** Such as `LISTEN`. */
  state: string;
  /** The number of the account that owns it. */
  account: number;
  /** `0` if its process has closed it. */
  inode: string;
}

/** The TCP sockets in the network namespace of a process; without one, in that of this process. */
export function tcpSockets(pid: number | "self" = "self"): TcpSocket[] {
  return ["tcp", "tcp6"].flatMap((name) => parseTcpTable(textOf(`/proc/${pid}/net/${name}`)));
}

/** Parses a table such as `/proc/net/tcp`. */
export function parseTcpTable(text: string): TcpSocket[] {
  return text
    .split("\n")
    .slice(1)
    .filter(Boolean)
    .map((row) => {
      // sl, local address, remote address, state, queues, timer, retransmits, account, timeout, inode
      const [, local = "", remote = "", state = "", , , , account, , inode = "0"] = row
        .trim()
        .split(/\s+/);
      return { local, remote, state, account: Number(account), inode };
    });
}

/** The port of an end of a socket. */
export function portIn(end: string): number {
  return Number.parseInt(end.split(":")[1] ?? "", 16);
}

/** The TCP ports on which a process listens. */
export function listeningPorts(pid: number): number[] {
  const open = new Set(openFiles(pid));
  const ports = tcpSockets(pid)
    .filter(({ state, inode }) => state === LISTEN && open.has(`socket:[${inode}]`))
    .map(({ local }) => portIn(local));
  return [...new Set(ports)];
}

/** The Unix sockets whose path is in a folder: the kernel's row for each. */
export function unixSocketsIn(folder: string): string[] {
  const rows = textOf("/proc/net/unix").split("\n");
  return rows.filter((row) => row.includes(` ${folder}/`));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // The process has ended, or the kernel has no IPv6.
  }
}
