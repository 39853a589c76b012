/**
 * Makes the secrets of this repository's servers: all of them in one way, so that a test run can look for them
 * afterwards. It names a folder in `ORTHANC_TWINS_SECRETS`, and learns there a hash of each secret that was made, and
 * what each Orthanc has printed.
 */
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The variable that names the folder of a test run. */
export const SECRETS_FOLDER = "ORTHANC_TWINS_SECRETS";

/** A new password or the like: 64 hexadecimal digits, from 256 random bits. */
export function makeSecret(): string {
  const secret = randomBytes(32).toString("hex");
  const folder = process.env[SECRETS_FOLDER];
  if (folder) appendFileSync(path.join(folder, "hashes"), `${hashOf(secret)}\n`);
  return secret;
}

/** What a test run learns of a secret: its SHA-256. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Hands an Orthanc's log to the test run, if there is one. */
export function keepLog(name: string, log: string): void {
  const folder = process.env[SECRETS_FOLDER];
  if (folder) writeFileSync(path.join(folder, "logs", `${name}.log`), log);
}
