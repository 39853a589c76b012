/** A package archive for real `apt-get` and `dpkg-deb`: served on 127.0.0.1, with faults on demand. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import path from "node:path";
import { execa } from "execa";

/** A package of the archive: one file of random bytes, `usr/share/NAME`. */
export interface TestPackage {
  name: string;
  depends?: string[];
  /** The size of the file in bytes. */
  size?: number;
}

export interface Archive {
  /** A file for `APT_CONFIG`, with which apt uses this archive alone. */
  configuration: string;
  /**
   * Replaces the archive's answers: a status, other bytes, no answer at all (`silent`), or half of the file before the
   * connection breaks (`cut`). Undefined leaves the request to the archive.
   */
  fault?: (file: string, body: Buffer) => number | Buffer | "silent" | "cut" | undefined;
  /** The files that were requested. */
  requests: string[];
  close(): Promise<void>;
}

/** Builds an archive below a folder and serves it. */
export async function startArchive(folder: string, packages: TestPackage[]): Promise<Archive> {
  await mkdir(folder, { recursive: true });
  const entries = await Promise.all(packages.map((one) => build(folder, one)));
  await writeFile(path.join(folder, "Packages"), entries.join("\n"));
  const hash = await digest(path.join(folder, "Packages"));
  await writeFile(path.join(folder, "Release"), `Suite: test\nSHA256:\n ${hash} Packages\n`);

  const archive: Archive = {
    configuration: path.join(folder, "apt.conf"),
    requests: [],
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  const server = createServer((request, response) => {
    const file = path.basename(request.url ?? "");
    archive.requests.push(file);
    void serve(archive, path.join(folder, file), response);
  });
  const url = `http://127.0.0.1:${await listening(server)}`;
  await writeFile(path.join(folder, "sources.list"), `deb [trusted=yes] ${url} ./\n`);
  await writeFile(
    archive.configuration,
    [
      `Dir::Etc::sourcelist "${folder}/sources.list";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Acquire::http::Proxy::127.0.0.1 "DIRECT";',
      'Acquire::Retries "0";',
      'Acquire::Languages "none";',
    ].join("\n"),
  );
  return archive;
}

/** Builds a package and returns its entry in the archive's index. */
async function build(folder: string, { name, depends = [], size = 1000 }: TestPackage) {
  const root = path.join(folder, name);
  await mkdir(path.join(root, "DEBIAN"), { recursive: true });
  await mkdir(path.join(root, "usr/share"), { recursive: true });
  await writeFile(path.join(root, "usr/share", name), randomBytes(size));
  const control = [
    `Package: ${name}`,
    "Version: 1",
    "Architecture: all",
    "Maintainer: A test <test@localhost>",
    `Description: ${name}`,
    ...(depends.length > 0 ? [`Depends: ${depends.join(", ")}`] : []),
  ];
  await writeFile(path.join(root, "DEBIAN/control"), `${control.join("\n")}\n`);
  const archive = `${name}_1_all.deb`;
  const file = path.join(folder, archive);
  await execa("dpkg-deb", ["-Znone", "--root-owner-group", "--build", root, file]);
  const [sha256, bytes] = (await digest(file)).split(" ");
  return `${[...control, `Filename: ./${archive}`, `Size: ${bytes}`, `SHA256: ${sha256}`].join("\n")}\n`;
}

/** A file's hash and size, as index files state them. */
async function digest(file: string): Promise<string> {
  const hash = createHash("sha256").update(await readFile(file));
  return `${hash.digest("hex")} ${(await stat(file)).size}`;
}

async function serve(archive: Archive, file: string, response: ServerResponse) {
  const body = await readFile(file).catch(() => undefined);
  const fault = archive.fault?.(path.basename(file), body ?? Buffer.alloc(0)) ?? body ?? 404;
  if (fault === "silent") return;
  if (fault === "cut" && body) {
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  } else if (typeof fault === "number") response.writeHead(fault).end();
  else response.end(fault);
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}
