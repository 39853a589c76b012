/** Whose code readers get: all of it may be handed on, with its license. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LoadContext } from "@docusaurus/types";
import { type Configuration, rspack } from "@rspack/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Licensed } from "../protocol/page.ts";
import { ALLOWED, importedByTwins, licensedFor, readLicensed } from "./packages.ts";
import licenses from "./plugin.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

test.each(["pages", "twins"] as const)(
  "each package for %s may be handed on",
  async (recipient) => {
    const packages = await licensedFor(ROOT, recipient);
    expect(packages.length).toBeGreaterThanOrEqual(3);
    for (const { name, version, license, text } of packages) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+/);
      expect(ALLOWED, name).toContain(license);
      expect(text, name).toMatch(/copyright/i);
      expect(text, name).toMatch(/permission|apache license|redistribution/i);
    }
  },
);

test("twins import six packages, which bring two more and what sets the priority of a thread", async () => {
  expect(await importedByTwins(ROOT)).toEqual([
    "@hono/node-server",
    "dicom-parser",
    "hono",
    "p-queue",
    "piscina",
    "undici",
  ]);
  const names = (await licensedFor(ROOT, "twins")).map(({ name }) => name);
  expect(names.filter((name) => !name.startsWith("@napi-rs/nice"))).toEqual([
    "@hono/node-server",
    "dicom-parser",
    "eventemitter3",
    "hono",
    "p-queue",
    "p-timeout",
    "piscina",
    "undici",
  ]);
  const lockfile = await readFile(path.join(ROOT, "package-lock.json"), "utf8");
  const { packages } = JSON.parse(lockfile);
  for (const name of names) {
    expect(packages[`node_modules/${name}`], name).not.toHaveProperty("hasInstallScript");
  }
});

test("Python twins import requests and pydicom, else what is Python's, Orthanc's or this site's", async () => {
  const modules = path.join(ROOT, "node_modules/pyright/dist/typeshed-fallback/stdlib");
  const known = new Set(["orthanc"]);
  for (const name of await readdir(modules)) known.add(path.basename(name, ".pyi"));
  const others = new Set<string>();
  const examples = path.join(ROOT, "examples");
  const names = await readdir(examples, { recursive: true });
  for (const name of names) known.add(path.basename(name, ".py"));
  for (const name of names) {
    if (!name.endsWith(".py")) continue;
    const text = await readFile(path.join(examples, name), "utf8");
    for (const [, module = ""] of text.matchAll(/^\s*(?:import|from) (\w+)/gm)) {
      if (!known.has(module)) others.add(module);
    }
  }
  expect([...others].sort()).toEqual(["pydicom", "requests"]);
});

test("Infima, which has no license file, names the license and holder of Docusaurus in its style sheets", async () => {
  const folder = path.join(ROOT, "node_modules/infima/dist/css");
  const sheets = (await readdir(folder, { recursive: true })).filter((name) =>
    /(?<!\.min)\.css$/.test(name),
  );
  expect(sheets.length).toBeGreaterThan(0);
  const docusaurus = await readLicensed(ROOT, "@docusaurus/core");
  for (const sheet of sheets) {
    const head = (await readFile(path.join(folder, sheet), "utf8")).slice(0, 400);
    expect(head, sheet).toContain("under the MIT license");
    const [holder] = /Copyright .*/.exec(head) ?? [];
    expect(docusaurus.text).toContain(holder);
  }
});

describe("in a separate site", () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), "licenses-"));
    for (const name of ["@rspack/core", "pagefind"]) {
      await mkdir(path.dirname(path.join(root, "node_modules", name)), { recursive: true });
      await symlink(path.join(ROOT, "node_modules", name), path.join(root, "node_modules", name));
    }
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true });
  });

  async function write(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }

  async function writePackage(folder: string, license: unknown, files: Record<string, string>) {
    const name = folder.replace(/.*node_modules\//, "");
    const manifest = { name, version: "1.2.3", license, sideEffects: false };
    await write(`node_modules/${folder}/package.json`, JSON.stringify(manifest));
    for (const [file, text] of Object.entries(files)) {
      await write(`node_modules/${folder}/${file}`, text);
    }
  }

  test("a license that is not allowed, and one whose text is missing, are refused", async () => {
    await writePackage("strict", "AGPL-3.0-only", { LICENSE: "Copyright" });
    await writePackage("silent", undefined, { LICENSE: "Copyright" });
    await writePackage("textless", "MIT", { "README.md": "# Textless\n\n## License\n\nMIT\n" });
    await expect(readLicensed(root, "strict")).rejects.toThrow(
      'strict 1.2.3 has the license "AGPL-3.0-only", which is not one of',
    );
    await expect(readLicensed(root, "silent")).rejects.toThrow(
      "silent 1.2.3 has the license (none)",
    );
    await expect(readLicensed(root, "textless")).rejects.toThrow(
      "textless 1.2.3 comes without the text of its license.",
    );
  });

  test("a license's text is that of its files, or of the README's section", async () => {
    const readme = "# It\n\n## License\n\nPermission is granted.\n\n## More\n\nNothing.\n";
    await writePackage("one", "MIT", {
      "License.md": "One\n",
      NOTICE: "Two\n",
      "README.md": readme,
    });
    await writePackage("other", "MIT", { "README.md": readme });
    const text = async (folder: string): Promise<Licensed["text"]> =>
      (await readLicensed(root, folder)).text;
    expect(await text("one")).toBe("One\n\nTwo");
    expect(await text("other")).toBe("License\n\nPermission is granted.");
  });

  /** Bundles as a production build does, and ends it as Docusaurus does. */
  async function build(): Promise<void> {
    const plugin = licenses({ siteDir: root } as LoadContext);
    const added = plugin.configureWebpack?.({}, false, undefined as never, undefined) as object;
    const configuration: Configuration = {
      mode: "production",
      context: root,
      entry: "./index.js",
      output: { path: path.join(root, "build") },
      ...added,
    };
    await new Promise<void>((resolve, reject) => {
      rspack(configuration, (error, stats) => {
        if (error || stats?.hasErrors()) reject(error ?? new Error(stats?.toString()));
        else resolve();
      });
    });
    await plugin.postBuild?.(undefined as never);
  }

  test("a build fails if other packages are in the pages than are listed, and can write the list", async () => {
    await writePackage("outer", "MIT", {
      LICENSE: "Copyright",
      "index.js":
        'import { inner } from "inner"; import { unused } from "unused"; export const outer = () => inner();',
    });
    await writePackage("outer/node_modules/inner", "ISC", {
      LICENSE: "Copyright",
      "index.js": "export const inner = () => console.log(Date.now());",
    });
    await writePackage("unused", "AGPL-3.0-only", {
      "index.js": "export const unused = () => console.log(Date.now());",
    });
    await write("index.js", 'import { outer } from "outer"; outer();');
    await write("src/licenses/shipped.json", '["gone", "pagefind", "@rspack/core"]');
    await expect(build()).rejects.toThrow(
      '\n+ outer\n+ outer/node_modules/inner\n- gone\nRun "npm run licenses"',
    );

    vi.stubEnv("WRITE_LICENSES", "1");
    await build();
    vi.unstubAllEnvs();
    expect(
      JSON.parse(await readFile(path.join(root, "src/licenses/shipped.json"), "utf8")),
    ).toEqual(["@rspack/core", "outer", "outer/node_modules/inner", "pagefind"]);
    await build();

    await write("index.js", 'import { outer } from "outer"; import "unused"; outer();');
    await build();
    await write("index.js", 'import { unused } from "unused"; unused();');
    await expect(build()).rejects.toThrow('unused 1.2.3 has the license "AGPL-3.0-only"');
  });
});
