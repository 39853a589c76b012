/** The first step of a start, on real Nodes that are too old: fetched in the long run only, about 60 MB. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reportProgress, SOAKING } from "../testing/soak.ts";

const SCRIPT = path.join(import.meta.dirname, "install.cjs");

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "old-node-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

test.for([8, 12, 18])(
  "Node %i is refused as too old, with the release that is needed",
  async (major, { skip }) => {
    if (!SOAKING) {
      const reason = `Node ${major} is fetched in npm run soak only`;
      console.warn(`Skipped: ${reason}`);
      skip(reason);
    }
    const options = ["--prefix", root, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    const name = `node-linux-${process.arch}`;
    await execa("npm", ["install", ...options, `${name}@${major}`]);

    const node = path.join(root, "node_modules", name, "bin/node");
    const { stdout: version } = await execa(node, ["--version"]);
    reportProgress(`install: ${version}`);
    expect(version).toMatch(new RegExp(`^v${major}\\.`));
    const { exitCode, all } = await execa(node, [SCRIPT], { reject: false, all: true });
    expect({ exitCode, all }).toEqual({
      exitCode: 1,
      all: `Node ${version.slice(1)} is too old: Orthanc Twins needs Node 20.19 or later.`,
    });
  },
);
