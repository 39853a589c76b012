import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_NODE, fetchedNodes, findNode } from "./node.ts";
import { PINNED } from "./releases.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");

let root: string;
let server: Server | undefined;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "node-"));
});

afterEach(async () => {
  server?.close();
  server = undefined;
  await rm(root, { recursive: true });
});

test.each([DEFAULT_NODE, "installed"] as const)("Node %s runs TypeScript", async (node) => {
  const { version, environment } = await findNode({ node });
  const file = path.join(root, "program.ts");
  await writeFile(file, "const version: string = process.versions.node;\nconsole.log(version);\n");
  const { stdout } = await execa("node", [file], { env: environment });
  expect(stdout).toBe(version);
});

test("a Node that was fetched once is found again, and nothing is fetched", async () => {
  expect(await fetchedNodes()).toContain(DEFAULT_NODE);
  const reports: string[] = [];
  await findNode({ report: (activity) => reports.push(activity) });
  expect(reports).toEqual([]);
});

describe("a Node is not fetched, and nothing is left, if", () => {
  beforeEach(async () => {
    for (const name of ["src", "package.json"]) {
      await cp(path.join(REPOSITORY, name), path.join(root, name), { recursive: true });
    }
    await symlink(path.join(REPOSITORY, "node_modules"), path.join(root, "node_modules"));
  });

  /** Fetches the default Node in a copy of this repository, and returns the error's message. */
  async function failure(env: Record<string, string>): Promise<string> {
    const program = `const { findNode } = await import("./src/node/node.ts");
await findNode().catch((error) => console.log(error.message));`;
    const args = ["--import", "@oxc-node/core/register", "--input-type=module", "--eval", program];
    const { stdout } = await execa(process.execPath, args, {
      cwd: root,
      env: { npm_config_fetch_retries: "0", npm_config_cache: path.join(root, "cache"), ...env },
    });
    expect(await readdir(path.join(root, ".node"))).toEqual([]);
    return stdout;
  }

  test("the registry has another package than the pinned one", async () => {
    const { version } = PINNED[24];
    const archive = Buffer.from("another package");
    const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
    server = createServer((request, response) => {
      if (request.url?.endsWith(".tgz")) return response.end(archive);
      const name = `node-linux-${process.arch}`;
      const dist = { tarball: `http://${request.headers.host}/${name}.tgz`, integrity };
      response.end(
        JSON.stringify({
          name,
          "dist-tags": { latest: version },
          versions: { [version]: { name, version, dist } },
        }),
      );
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const message = await failure({ npm_config_registry: `http://127.0.0.1:${port}/` });
    expect(message).toContain("what came from the registry is not what releases.ts pins");
    expect(message).toContain("Nothing half-done was left");
  });

  test("the registry can't be reached", async () => {
    // No program listens on port 1, and loopback refuses at once.
    const message = await failure({ npm_config_registry: "http://127.0.0.1:1/" });
    expect(message).toContain(`Could not fetch Node ${PINNED[24].version} into ${root}/.node`);
    expect(message).toContain("the registry could not be reached");
    expect(message).toContain("--node installed");
  });

  test("there is no npm", async () => {
    expect(await failure({ PATH: root })).toContain("this system has no npm or no tar");
  });
});
