/**
 * The account at the other end of a TCP connection on this machine: loopback keeps other machines out, but not other
 * accounts. Linux lists the owners of all sockets in `/proc/net/tcp` and `/proc/net/tcp6`.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { endianness } from "node:os";
import { ESTABLISHED, parseTcpTable } from "./sockets.ts";

/** The maximum number of readings per connection: Linux lists a table in pieces and may skip a row between two. */
const READINGS = 3;

/** The owners of connected sockets: the socket's own address and port and those of its other end, to an account. */
type Owners = Map<string, number>;

/**
 * Finds the account that owns the other end of a loopback connection. Call it after the connection was accepted:
 * no earlier connection between the same ports exists any more then.
 *
 * @returns its number; undefined if the system does not reveal it: it is not Linux, the other process has already
 * closed its socket, or the account has no number in the user namespace of this process
 */
export async function ownerOf(socket: Socket): Promise<number | undefined> {
  const here = endpoint(socket.localAddress, socket.localPort);
  const there = endpoint(socket.remoteAddress, socket.remotePort);
  if (process.platform !== "linux" || !here || !there) return undefined;
  try {
    const unmapped = await unmappedAccount();
    for (let reading = 0; reading < READINGS; reading++) {
      const owner = (await readOwners()).get(`${there} ${here}`);
      if (owner !== undefined) return owner === unmapped ? undefined : owner;
    }
  } catch {
    // A hardened system may hide the tables.
  }
  return undefined;
}

/** Finds out if `ownerOf` works on this system: tries it on a connection of this process to itself. */
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
 * Reads all owners, now or a little later. Connections that arrive during a reading share the next one: the current
 * reading may have passed their row already, or have read an earlier connection there.
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
  const texts = [
    await readFile("/proc/net/tcp", "latin1"),
    // A kernel without IPv6 has no such file.
    await readFile("/proc/net/tcp6", "latin1").catch(() => ""),
  ];
  const owners: Owners = new Map();
  for (const { local, remote, state, account, inode } of texts.flatMap(parseTcpTable)) {
    // Node's server doesn't answer a socket that has sent its end. One that was closed is listed as root's.
    if (state !== ESTABLISHED || inode === "0") continue;
    owners.set(`${withoutMapping(local)} ${withoutMapping(remote)}`, account);
  }
  return owners;
}

/** A loopback address and a port in the form of the tables; undefined for any other address. */
function endpoint(address = "", port = 0): string | undefined {
  const ipv4 = /^(?:::ffff:)?(127)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  const bytes = address === "::1" ? [...Array<number>(15).fill(0), 1] : ipv4;
  return bytes && `${toHex(bytes)}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The tables contain addresses as numbers of four bytes each, in this machine's byte order. */
function toHex(bytes: number[]): string {
  const buffer = Buffer.from(bytes);
  if (endianness() === "LE") buffer.swap32();
  return buffer.toString("hex").toUpperCase();
}

/** `::ffff:0:0` in the form of the tables: the prefix of the address if an IPv6 socket is connected over IPv4. */
const MAPPING = toHex([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

function withoutMapping(endpoint: string): string {
  return endpoint.length > "00000000:0000".length && endpoint.startsWith(MAPPING)
    ? endpoint.slice(MAPPING.length)
    : endpoint;
}

/**
 * The number that stands for all accounts without one in the user namespace of this process; undefined in the first
 * namespace, in which every account has its own.
 */
async function unmappedAccount(): Promise<number | undefined> {
  // A kernel without user namespaces has no such file.
  if (!existsSync("/proc/self/uid_map")) return undefined;
  const map = await readFile("/proc/self/uid_map", "latin1");
  if (map.trim().split(/\s+/).join(" ") === "0 0 4294967295") return undefined;
  return Number(await readFile("/proc/sys/kernel/overflowuid", "latin1"));
}
