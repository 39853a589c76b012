/** Imports between the folders of `src/` point one way, and examples do not depend on this repository. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** The folders that the code of a folder may import from, in addition to itself. */
const ALLOWED: Record<string, string[]> = {
  protocol: [],
  linux: [],
  format: ["protocol"],
  catalogue: ["protocol"],
  fetch: ["linux"],
  debian: ["fetch"],
  node: ["fetch"],
  orthanc: ["debian", "fetch", "linux"],
  harness: ["catalogue", "orthanc", "node", "debian", "linux", "format", "protocol"],
  live: ["harness", "catalogue", "orthanc", "node", "linux", "protocol"],
  licenses: ["protocol"],
  benchmark: ["orthanc", "linux", "protocol"],
  cli: ["live", "harness", "catalogue", "orthanc", "node", "benchmark", "protocol"],
  setup: ["cli", "orthanc", "debian", "fetch"],
  remark: ["licenses", "catalogue", "protocol"],
  components: ["checks", "format", "protocol"],
  theme: ["components", "protocol"],
};

const IMPORT = /^import [^;]*?"(\.[^"]+)";|\bimport\("(\.[^"]+)"\)|^export .* from "(\.[^"]+)";/gm;

/** The files below a folder that are programs, and no tests. */
async function sources(folder: string): Promise<string[]> {
  const names = await readdir(path.join(ROOT, folder), { recursive: true });
  return names
    .filter((name) => /(?<!\.(test|spec)|\.d)\.[cm]?[jt]sx?$/.test(name))
    .map((name) => path.join(folder, name));
}

/** The files of this repository that a file imports. */
async function importsOf(file: string): Promise<string[]> {
  const text = await readFile(path.join(ROOT, file), "utf8");
  return [...text.matchAll(IMPORT)].map(([, ...specifiers]) =>
    path.join(path.dirname(file), specifiers.find((one) => one !== undefined) ?? ""),
  );
}

describe("code imports only from the folders below its own", () => {
  test.each(Object.entries(ALLOWED))("src/%s", async (folder, allowed) => {
    const own = path.join("src", folder);
    const wrong: string[] = [];
    for (const file of await sources(own)) {
      for (const imported of await importsOf(file)) {
        const [top = "", target = ""] = imported.split("/");
        if (top === "src" && target !== folder && !allowed.includes(target)) {
          wrong.push(`${file} imports ${imported}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

test("no example imports from src, so that readers can copy it", async () => {
  const wrong: string[] = [];
  for (const file of await sources("examples")) {
    for (const imported of await importsOf(file)) {
      if (!imported.startsWith("examples/")) wrong.push(`${file} imports ${imported}`);
    }
  }
  expect(wrong).toEqual([]);
});
