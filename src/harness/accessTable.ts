/**
 * The access table: the requests that a live Orthanc accepts with different credentials, and those that it refuses.
 * `examples/token-access/access.json` contains the expected table, `static/runs/token-access.json` the observed one.
 */
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { fetch } from "undici";
import { z } from "zod";
import { basicAuthorization } from "../orthanc/restClient.ts";
import { makeSecret } from "../orthanc/secrets.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import type { ServerResult } from "../protocol/record.ts";
import type { Versions } from "../protocol/run.ts";
import { EXAMPLES, parse } from "./example.ts";
import { fetchVersions } from "./twin.ts";

/** The id of the table: the name of its folder and of its record. */
export const ACCESS_TABLE = "token-access";

/** The credentials of a row: name to a function that makes the `Authorization` header, undefined for none. */
const CREDENTIALS = {
  "No header": () => undefined,
  "A wrong token": () => `Bearer ${randomUUID()}`,
  "A token": ({ tokens }: KnownSecrets) => tokens[0],
  "A second token": ({ tokens }: KnownSecrets) => tokens[1],
  "A token from before": ({ before }: KnownSecrets) => before[0],
  "A token, after “bearer” in lower case": ({ tokens }: KnownSecrets) =>
    tokens[0]?.replace("Bearer", "bearer"),
  "User and password": ({ orthanc }: KnownSecrets) =>
    basicAuthorization(orthanc.user, orthanc.password),
  "User and wrong password": ({ orthanc }: KnownSecrets) =>
    basicAuthorization(orthanc.user, "wrong"),
  "Another user and password": ({ other }: KnownSecrets) => basicAuthorization("other", other),
} satisfies Record<string, (secrets: KnownSecrets) => string | undefined>;
type CredentialName = keyof typeof CREDENTIALS;

interface KnownSecrets {
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
  /** The script that its Orthanc loads. */
  script: z.enum(["access.py", "filtered.py"]),
  /** Never both: an Orthanc without passwords answers this machine alone. */
  configuration: z
    .union([
      z.strictObject({ AuthenticationEnabled: z.literal(false) }),
      z.strictObject({ RemoteAccessAllowed: z.literal(true) }),
    ])
    .optional(),
  /** Orthanc is killed and started again before the requests. */
  restart: z.boolean().default(false),
  /** The address of this machine that the requests are sent to, and therefore come from. */
  from: z.enum(["loopback", "another address"]).default("loopback"),
  rows: z.array(
    z.strictObject({
      sent: z.enum(Object.keys(CREDENTIALS) as [CredentialName, ...CredentialName[]]),
      /** A status for each route. */
      expect: z.array(z.int().min(100).max(599)).length(3),
    }),
  ),
});

const AccessTableFile = z.strictObject({
  title: z.string().min(1),
  /** The content of the table, in one sentence. */
  summary: z.string().min(1),
  routes: z.array(Route).length(3),
  servers: z.array(Server).min(1),
});

type Server = z.infer<typeof Server>;
export type AccessTable = z.infer<typeof AccessTableFile> & { id: string; folder: string };

/** A run of the whole table. */
export interface AccessTableRun {
  servers: ServerResult[];
  /** The deviations from the expected table: a sentence each. */
  problems: string[];
  /** The reasons why rows were skipped: a sentence for each Orthanc. */
  skipped: string[];
  versions: Versions;
}

/**
 * Reads the expected table.
 * @throws ExampleError if it is invalid
 */
export async function readAccessTable(): Promise<AccessTable> {
  const folder = path.join(EXAMPLES, ACCESS_TABLE);
  const text = await readFile(path.join(folder, "access.json"), "utf8");
  return {
    id: ACCESS_TABLE,
    folder,
    ...parse(AccessTableFile, text, `examples/${ACCESS_TABLE}/access.json`),
  };
}

/**
 * Sends every request of the table to live private Orthancs, with undici.
 * @param report receives the title of each Orthanc
 * @throws StartError, InstallationError, PackagesError
 */
export async function playAccessTable(
  table: AccessTable,
  report: (title: string) => void = () => {},
): Promise<AccessTableRun> {
  const servers: ServerResult[] = [];
  const problems: string[] = [];
  const skipped: string[] = [];
  const stopping: Promise<unknown>[] = [];
  let versions: Versions | undefined;
  try {
    for (const server of table.servers) {
      report(server.title);
      const host = server.from === "loopback" ? "127.0.0.1" : otherAddress();
      if (host === undefined) {
        skipped.push(`${server.title}: this machine has no IPv4 address but loopback.`);
        servers.push(toResult(server, () => []));
        continue;
      }
      const other = makeSecret();
      const orthanc = await startAccessServer(server.script, {
        users: { other },
        configuration: server.configuration,
      });
      try {
        versions ??= await fetchVersions(orthanc);
        const before = await readTokens(orthanc);
        if (server.restart) await orthanc.restart();
        const secrets = { orthanc, other, before, tokens: await readTokens(orthanc) };
        const url = new URL(orthanc.url);
        url.hostname = host;
        const rows: number[][] = [];
        for (const { sent, expect } of server.rows) {
          const authorization = CREDENTIALS[sent](secrets);
          const statuses = await Promise.all(
            table.routes.map(async ({ path, method, headers }) => {
              const sentHeaders = { ...headers, ...(authorization && { authorization }) };
              const answer = await fetch(new URL(path, url), { method, headers: sentHeaders });
              await answer.arrayBuffer();
              return answer.status;
            }),
          );
          rows.push(statuses);
          if (statuses.join() !== expect.join()) {
            problems.push(
              `${server.title}: ${sent}: statuses ${statuses.join(", ")} instead of ${expect.join(", ")}.`,
            );
          }
        }
        servers.push(toResult(server, (index) => rows[index] ?? []));
      } finally {
        stopping.push(orthanc.stop());
      }
    }
  } finally {
    await Promise.all(stopping);
  }
  if (!versions) throw new Error("No request of the table could be sent.");
  return { servers, problems, skipped, versions };
}

/** Finds an IPv4 address of this machine that is not loopback; undefined if it has none. */
function otherAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

/**
 * Starts a private Orthanc with one of the folder's scripts.
 * @throws StartError, InstallationError, PackagesError
 */
export async function startAccessServer(
  script: string,
  options: Pick<OrthancOptions, "users" | "configuration">,
): Promise<Orthanc> {
  const files: Record<string, string> = {};
  for (const name of await readdir(path.join(EXAMPLES, ACCESS_TABLE))) {
    if (name.endsWith(".py")) {
      files[name] = await readFile(path.join(EXAMPLES, ACCESS_TABLE, name), "utf8");
    }
  }
  return startOrthanc({ script, files, ...options });
}

/** Reads the tokens that `access.py` has made. */
export async function readTokens({ folder }: Orthanc): Promise<string[]> {
  return JSON.parse(await readFile(path.join(folder, "tokens.json"), "utf8"));
}

function toResult(server: Server, statuses: (index: number) => number[]): ServerResult {
  const rows = server.rows.map(({ sent }, index) => ({ sent, statuses: statuses(index) }));
  return { title: server.title, rows };
}

/** Compares a run with the record: a sentence for each difference. Skipped rows are no differences. */
export function accessTableDifferences(
  recorded: ServerResult[],
  observed: ServerResult[],
): string[] {
  const lines = (servers: ServerResult[]) =>
    servers.flatMap(({ title, rows }) =>
      rows.map(({ sent, statuses }) => ({
        row: `${title}: ${sent}`,
        statuses: statuses.join(", "),
      })),
    );
  const [before, now] = [lines(recorded), lines(observed)];
  if (before.map(({ row }) => row).join() !== now.map(({ row }) => row).join()) {
    return ["The rows differ from those of the record."];
  }
  return before.flatMap(({ row, statuses }, index) => {
    const others = now[index]?.statuses;
    if (!others || others === statuses) return [];
    return [`${row}: statuses ${others}; the record has ${statuses}.`];
  });
}
