/** A certificate authority, and the certificate of an Orthanc, for tests of TLS. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { unpackedProgram } from "../debian/packages.ts";
import { findOrthanc } from "../orthanc/installation.ts";

/** Debian's `openssl`, which comes along with an unpacked Orthanc. */
const UNPACKED = path.resolve(import.meta.dirname, "../../.orthanc/bookworm");
const configuration = (name: string) => `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = ${name}
`;

export interface Certificates {
  /** The authority's certificate: a PEM file, and its text. */
  authority: string;
  authorityText: string;
  /** A PEM file with the server's key and certificate, as Orthanc expects it. */
  server: string;
}

/**
 * Makes both in an existing folder, valid for a day.
 * @param name the subject of the server's certificate, in openssl's syntax
 * @throws InstallationError, PackagesError if openssl can't be fetched
 */
export async function makeCertificates(
  folder: string,
  name = "IP:127.0.0.1",
): Promise<Certificates> {
  await findOrthanc({ release: "bookworm" });
  const openssl = await unpackedProgram(UNPACKED, "usr/bin/openssl");
  const file = (name: string) => path.join(folder, name);
  await writeFile(file("openssl.cnf"), configuration(name));
  const request = async (name: string, subject: string, ...options: string[]) => {
    const key = ["-newkey", "rsa:2048", "-noenc", "-keyout", file(`${name}.key`)];
    const common = ["-config", file("openssl.cnf"), "-extensions", name, "-days", "1"];
    const out = ["-subj", `/CN=${subject}`, "-out", file(`${name}.crt`)];
    await execa(openssl.command, [
      ...openssl.args,
      ...["req", "-x509", ...key, ...common, ...out, ...options],
    ]);
    return readFile(file(`${name}.crt`), "utf8");
  };
  const authorityText = await request("authority", "The hospital's authority");
  const signed = ["-CA", file("authority.crt"), "-CAkey", file("authority.key")];
  const certificate = await request("server", "Orthanc", ...signed);
  const key = await readFile(file("server.key"), "utf8");
  await writeFile(file("server.pem"), key + certificate, { mode: 0o600 });
  return { authority: file("authority.crt"), authorityText, server: file("server.pem") };
}
