/**
 * The table of what a token opens: which requests a live Orthanc lets in, and which it refuses.
 * `examples/token-access/access.json` declares it, `static/runs/token-access.json` is what was seen.
 */
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { fetch } from "undici";
import { z } from "zod";
import { makeSecret } from "../orthanc/secrets.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import { EXAMPLES, parse } from "./example.ts";
import type { Versions } from "./run.ts";
import { versionsOf } from "./twin.ts";

/** The id of the table: the name of its folder, and of its record. */
export const ACCESS = "token-access";

/** What the rows may send: how the Authorization header is made, undefined for none. */
const SENT = {
  "No header": () => undefined,
  "A wrong token": () => `Bearer ${randomUUID()}`,
  "A token": ({ tokens }: Credentials) => tokens[0],
  "A second token": ({ tokens }: Credentials) => tokens[1],
  "A token from before": ({ before }: Credentials) => before[0],
  "A token, after “bearer” in lower case": ({ tokens }: Credentials) =>
    tokens[0]?.replace("Bearer", "bearer"),
  "User and password": ({ orthanc }: Credentials) => basic(orthanc.user, orthanc.password),
  "User and wrong password": ({ orthanc }: Credentials) => basic(orthanc.user, "wrong"),
  "Another user and password": ({ other }: Credentials) => basic("other", other),
} satisfies Record<string, (known: Credentials) => string | undefined>;
type Sent = keyof typeof SENT;

interface Credentials {
  orthanc: Orthanc;
  /** The password of the user `other`. */
  other: string;
  tokens: string[];
  /** The tokens that were made before the restart. */
  before: string[];
}

const Route = z.strictObject({
  title: z.string().min(1),
  method: z.string(),
  path: z.string().startsWith("/"),
  headers: z.record(z.string(), z.string()).default({}),
});

const Server = z.strictObject({
  title: z.string().min(1),
  /** What its Orthanc loads. */
  script: z.enum(["access.py", "filtered.py"]),
  /** Never both: an Orthanc that asks for no password answers this machine alone. */
  configuration: z
    .union([
      z.strictObject({ AuthenticationEnabled: z.literal(false) }),
      z.strictObject({ RemoteAccessAllowed: z.literal(true) }),
    ])
    .optional(),
  /** Whether Orthanc is killed and started again before the requests. */
  restart: z.boolean().default(false),
  /** Where the requests go to, and so come from: an address of this machine. */
  from: z.enum(["loopback", "another address"]).default("loopback"),
  rows: z.array(
    z.strictObject({
      sent: z.enum(Object.keys(SENT) as [Sent, ...Sent[]]),
      /** A status for each route. */
      expect: z.array(z.int().min(100).max(599)).length(3),
    }),
  ),
});

const AccessFile = z.strictObject({
  title: z.string().min(1),
  /** What the table shows, in one sentence. */
  summary: z.string().min(1),
  routes: z.array(Route).length(3),
  servers: z.array(Server).min(1),
});

type Server = z.infer<typeof Server>;
export type Access = z.infer<typeof AccessFile> & { id: string; folder: string };

/** The rows of one Orthanc, as they went. */
export interface SeenServer {
  title: string;
  /** A status for each route; none where this machine could not ask. */
  rows: { sent: string; statuses: number[] }[];
}

/** The whole table, as recorded under `static/runs/`. It holds names and statuses, and no credentials. */
export interface RecordedAccess {
  access: string;
  title: string;
  /** The Debian release of the Orthanc, such as `bookworm`. */
  release: string;
  versions: Versions;
  /** ISO 8601, UTC. */
  recordedAt: string;
  /** SHA-256 over the declaration, the scripts, the bridge and the pool. */
  sources: string;
  routes: { title: string; method: string; path: string }[];
  servers: SeenServer[];
}

/** What `playAccess` gives. */
export interface PlayedAccess {
  servers: SeenServer[];
  /** What is not as declared: a sentence each. */
  problems: string[];
  /** Why rows were skipped: a sentence for each Orthanc. */
  skipped: string[];
  versions: Versions;
}

/**
 * Reads the declaration.
 * @throws ExampleError where it is not valid
 */
export async function readAccess(): Promise<Access> {
  const folder = path.join(EXAMPLES, ACCESS);
  const text = await readFile(path.join(folder, "access.json"), "utf8");
  return { id: ACCESS, folder, ...parse(AccessFile, text, `examples/${ACCESS}/access.json`) };
}

/**
 * Sends every request of the table to live private Orthancs, with undici.
 * @param report is told which Orthanc is asked
 * @throws StartError, InstallationError, PackagesError
 */
export async function playAccess(
  access: Access,
  report: (doing: string) => void = () => {},
): Promise<PlayedAccess> {
  const servers: SeenServer[] = [];
  const problems: string[] = [];
  const skipped: string[] = [];
  const stopping: Promise<void>[] = [];
  let versions: Versions | undefined;
  try {
    for (const server of access.servers) {
      report(server.title);
      const host = server.from === "loopback" ? "127.0.0.1" : otherAddress();
      if (host === undefined) {
        skipped.push(`${server.title}: this machine has no IPv4 address but loopback.`);
        servers.push(seenOf(server, () => []));
        continue;
      }
      const other = makeSecret();
      const orthanc = await startAccess(server.script, {
        users: { other },
        configuration: server.configuration,
      });
      try {
        versions ??= await versionsOf(orthanc);
        const before = await readTokens(orthanc);
        if (server.restart) await orthanc.restart();
        const credentials = { orthanc, other, before, tokens: await readTokens(orthanc) };
        const url = new URL(orthanc.url);
        url.hostname = host;
        const rows: number[][] = [];
        for (const { sent, expect } of server.rows) {
          const authorization = SENT[sent](credentials);
          const statuses = await Promise.all(
            access.routes.map(async ({ path, method, headers }) => {
              const sentHeaders = { ...headers, ...(authorization && { authorization }) };
              const answer = await fetch(new URL(path, url), { method, headers: sentHeaders });
              await answer.arrayBuffer();
              return answer.status;
            }),
          );
          rows.push(statuses);
          if (statuses.join() !== expect.join()) {
            problems.push(
              `${server.title}: ${sent}: seen are ${statuses.join(", ")}; declared are ${expect.join(", ")}.`,
            );
          }
        }
        servers.push(seenOf(server, (index) => rows[index] ?? []));
      } finally {
        stopping.push(orthanc.stop());
      }
    }
  } finally {
    await Promise.all(stopping);
  }
  if (!versions) throw new Error("No Orthanc of the table could be asked.");
  return { servers, problems, skipped, versions };
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** An IPv4 address of this machine that is not loopback; undefined where it has none. */
function otherAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

/**
 * Starts a private Orthanc with one of the folder's scripts.
 * @throws StartError, InstallationError, PackagesError
 */
export async function startAccess(
  script: string,
  options: Pick<OrthancOptions, "users" | "configuration">,
): Promise<Orthanc> {
  const files: Record<string, string> = {};
  for (const name of await readdir(path.join(EXAMPLES, ACCESS))) {
    if (name.endsWith(".py")) {
      files[name] = await readFile(path.join(EXAMPLES, ACCESS, name), "utf8");
    }
  }
  return startOrthanc({ script, files, ...options });
}

/** The tokens that `access.py` has made. */
export async function readTokens({ folder }: Orthanc): Promise<string[]> {
  return JSON.parse(await readFile(path.join(folder, "tokens.json"), "utf8"));
}

function seenOf(server: Server, statuses: (index: number) => number[]): SeenServer {
  const rows = server.rows.map(({ sent }, index) => ({ sent, statuses: statuses(index) }));
  return { title: server.title, rows };
}

/** What a second play gave otherwise than the record says: a sentence each. What it could not ask is none. */
export function differencesOfAccess(recorded: SeenServer[], seen: SeenServer[]): string[] {
  const lines = (servers: SeenServer[]) =>
    servers.flatMap(({ title, rows }) =>
      rows.map(({ sent, statuses }) => ({
        row: `${title}: ${sent}`,
        statuses: statuses.join(", "),
      })),
    );
  const [before, now] = [lines(recorded), lines(seen)];
  if (before.map(({ row }) => row).join() !== now.map(({ row }) => row).join()) {
    return ["The rows are not those of the record."];
  }
  return before.flatMap(({ row, statuses }, index) => {
    const others = now[index]?.statuses;
    if (!others || others === statuses) return [];
    return [`${row}: recorded are ${statuses}; seen are ${others}.`];
  });
}
