/** Secrets of a private Orthanc: they belong neither into an answer nor into a log, a record or a transcript. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Orthanc } from "../orthanc/server.ts";
import type { Twin } from "./example.ts";
import { descendants } from "./processes.ts";

/** What takes the place of a secret. */
const REDACTED = "(a secret)";
/** A header with a token or a password, whosever it is. */
const HEADER = /\b(Bearer|Basic) [\w+/=-]{16,}/g;
/** How long Node may take to start, in milliseconds. */
const NODE_LIMIT = 5_000;

/** The text without these secrets, and without any that looks like an `Authorization` header. */
export function redact(text: string, secrets: string[] = []): string {
  return secrets
    .reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text)
    .replace(HEADER, REDACTED);
}

/**
 * The password of a private Orthanc, and the token that the bridge has made for Node. The token of a Python twin
 * stays inside Orthanc: it is only known by what it looks like in a header.
 */
export async function secretsOf(orthanc: Orthanc, twin: Twin): Promise<string[]> {
  const { user, password } = orthanc;
  const secrets = [password, Buffer.from(`${user}:${password}`).toString("base64")];
  if (twin === "python") return secrets;
  const end = performance.now() + NODE_LIMIT;
  let token = tokenOf(orthanc);
  while (token === undefined && performance.now() < end) {
    await sleep(20);
    token = tokenOf(orthanc);
  }
  return token === undefined ? secrets : [...secrets, token.replace(/^Bearer /, "")];
}

/** The token in the environment of a process that Orthanc has started. */
function tokenOf(orthanc: Orthanc): string | undefined {
  for (const pid of descendants(orthanc)) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const token = environment.find((line) => line.startsWith("ORTHANC_TOKEN="));
      if (token) return token.slice("ORTHANC_TOKEN=".length);
    } catch {
      // It has ended in the meantime.
    }
  }
}
