/**
 * Makes all secrets of this repository's servers. A test run can search for them afterwards: if `ORTHANC_TWINS_SECRETS`
 * names a folder, a hash of each secret and the log of each Orthanc are written there.
 */
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The variable with the folder of a test run. */
export const SECRETS_FOLDER = "ORTHANC_TWINS_SECRETS";

/** Makes a new password or a similar secret: 64 hexadecimal digits, from 256 random bits. */
export function makeSecret(): string {
  const secret = randomBytes(32).toString("hex");
  const folder = process.env[SECRETS_FOLDER];
  if (folder) appendFileSync(path.join(folder, "hashes"), `${hashOf(secret)}\n`);
  return secret;
}

/** Hashes a secret with SHA-256, for a test run. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Writes an Orthanc's log for the test run, if there is one. */
export function keepLog(name: string, log: string): void {
  const folder = process.env[SECRETS_FOLDER];
  if (folder) writeFileSync(path.join(folder, "logs", `${name}.log`), log);
}
