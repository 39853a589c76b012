/**
 * Whose process is at the other end of a TCP connection on this machine: loopback keeps other machines out, but not
 * other accounts. Linux lists all sockets with their owners in `/proc/net/tcp` and `/proc/net/tcp6`; their columns
 * are described in the kernel's `Documentation/networking/proc_net_tcp.rst`.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { endianness } from "node:os";

/** How often the tables are read for one connection: Linux lists them in pieces, and a row may slip between two. */
const READINGS = 3;
/** The state of a connected socket. Node's server doesn't answer one that has sent its end. */
const ESTABLISHED = "01";

/** Owners of connected sockets: the socket's own address and port, then those at its other end, to an account. */
type Owners = Map<string, number>;

/**
 * The account that owns the other end of a loopback connection. To be asked once the connection is accepted, so that
 * no earlier connection between the same ports is there any more.
 *
 * @returns its number; undefined if the system does not say: it is not Linux, the process at the other end has
 * closed its socket already, or its account has no number in the user namespace of this process
 */
export async function ownerOf(socket: Socket): Promise<number | undefined> {
  const here = placeOf(socket.localAddress, socket.localPort);
  const there = placeOf(socket.remoteAddress, socket.remotePort);
  if (process.platform !== "linux" || !here || !there) return undefined;
  try {
    const nobody = await numberOfUnmapped();
    for (let reading = 0; reading < READINGS; reading++) {
      const owner = (await readOwners()).get(`${there} ${here}`);
      if (owner !== undefined) return owner === nobody ? undefined : owner;
    }
  } catch {
    // A hardened system may hide the tables.
  }
  return undefined;
}

/** Whether `ownerOf` can tell on this system: tries it on a connection of this process to itself. */
export async function knowsOwners(): Promise<boolean> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  try {
    const [socket] = (await once(server, "connection")) as [Socket];
    const owner = await ownerOf(socket);
    socket.destroy();
    return owner !== undefined && owner === process.geteuid?.();
  } finally {
    client.destroy();
    server.close();
  }
}

let nextReading: Promise<Owners> | undefined;
let lastReading: Promise<unknown> = Promise.resolve();

/**
 * All owners, as of now or a little later. Connections that come while the tables are read share the next reading:
 * one that is under way may have passed their place, or have seen an earlier connection there.
 */
function readOwners(): Promise<Owners> {
  nextReading ??= lastReading.then(() => {
    nextReading = undefined;
    const reading = readTables();
    lastReading = reading.catch(() => {});
    return reading;
  });
  return nextReading;
}

async function readTables(): Promise<Owners> {
  const owners: Owners = new Map();
  const texts = [
    await readFile("/proc/net/tcp", "latin1"),
    // A kernel without IPv6 has no such file.
    await readFile("/proc/net/tcp6", "latin1").catch(() => ""),
  ];
  for (const row of texts.join("").split("\n")) {
    const [, local = "", remote = "", state = "", , , , uid, , inode] = row.trim().split(/ +/);
    // What its process has closed has no inode any more, and is listed as root's.
    if (state !== ESTABLISHED || inode === "0") continue;
    owners.set(`${withoutMapping(local)} ${withoutMapping(remote)}`, Number(uid));
  }
  return owners;
}

/** A loopback address and a port as the tables have them; undefined for every other address. */
function placeOf(address = "", port = 0): string | undefined {
  const ipv4 = /^(?:::ffff:)?(127)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  const bytes = address === "::1" ? [...Array<number>(15).fill(0), 1] : ipv4;
  return bytes && `${hexOf(bytes)}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The tables have addresses as numbers of four bytes each, in the order of this machine's processor. */
function hexOf(bytes: number[]): string {
  const buffer = Buffer.from(bytes);
  if (endianness() === "LE") buffer.swap32();
  return buffer.toString("hex").toUpperCase();
}

/** `::ffff:0:0`, as the tables have it: an IPv4 address follows it if a socket for IPv6 is connected to one. */
const MAPPING = hexOf([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

function withoutMapping(place: string): string {
  return place.length > "00000000:0000".length && place.startsWith(MAPPING)
    ? place.slice(MAPPING.length)
    : place;
}

/**
 * The number that stands for all accounts that have none in the user namespace of this process; undefined if it is
 * the first one, in which every account has its own.
 */
async function numberOfUnmapped(): Promise<number | undefined> {
  // A kernel without user namespaces has no such file.
  if (!existsSync("/proc/self/uid_map")) return undefined;
  const map = await readFile("/proc/self/uid_map", "latin1");
  if (map.trim().split(/\s+/).join(" ") === "0 0 4294967295") return undefined;
  return Number(await readFile("/proc/sys/kernel/overflowuid", "latin1"));
}
