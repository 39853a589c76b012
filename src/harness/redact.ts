/** Removes the secrets of a private Orthanc from answers, logs, records and transcripts. */
import { basicAuthorization } from "../orthanc/restClient.ts";
import type { Orthanc } from "../orthanc/server.ts";
import type { NodeEnvironment } from "./nodeProcess.ts";

/** Replaces a secret. */
const REDACTED = "(a secret)";
/** A header with any token or password. */
const HEADER = /\b(Bearer|Basic) [\w+/=-]{16,}/g;

/** Removes these secrets from a text, and everything that looks like an `Authorization` header. */
export function redact(text: string, secrets: string[] = []): string {
  return secrets
    .reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text)
    .replace(HEADER, REDACTED);
}

/**
 * Lists the password of a private Orthanc and the token that the bridge has made for Node. The token of a Python twin
 * stays inside Orthanc: it can only be recognized in a header.
 */
export function knownSecrets({ user, password }: Orthanc, node?: NodeEnvironment): string[] {
  const secrets = [password, basicAuthorization(user, password).replace(/^Basic /, "")];
  return node ? [...secrets, node.ORTHANC_TOKEN.replace(/^Bearer /, "")] : secrets;
}
