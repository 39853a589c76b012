/** Secrets of a private Orthanc: they belong neither into an answer nor into a log, a record or a transcript. */
import type { Orthanc } from "../orthanc/server.ts";
import type { NodeEnvironment } from "./node.ts";

/** What takes the place of a secret. */
const REDACTED = "(a secret)";
/** A header with a token or a password, whosever it is. */
const HEADER = /\b(Bearer|Basic) [\w+/=-]{16,}/g;

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
export function secretsOf({ user, password }: Orthanc, node?: NodeEnvironment): string[] {
  const secrets = [password, Buffer.from(`${user}:${password}`).toString("base64")];
  return node ? [...secrets, node.ORTHANC_TOKEN.replace(/^Bearer /, "")] : secrets;
}
