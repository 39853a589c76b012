/** The npm packages whose code readers get, and their licenses. */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Licensed } from "../protocol/page.ts";

/**
 * The licenses that a package may have whose code we hand on. Each lets anybody use, change and pass it on if the
 * license's text goes along, which is what the page of licenses is for.
 */
export const ALLOWED = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];

/** Packages without a text of their own, and the one that has theirs: the same holder's. */
const TEXT_OF: Record<string, string> = {
  // Each of its style sheets begins with the holder and license that are Docusaurus's, too.
  infima: "@docusaurus/core",
  // What a platform's package adds to these is a compiled file.
  "@napi-rs/nice-": "@napi-rs/nice",
};

/** A package can't be handed on: it names no license, none that is allowed, or its text is missing. */
export class LicenseError extends Error {
  override name = "LicenseError";
}

/** Who gets the code: the readers of the pages in their browser, or those who copy a twin by installing it. */
export type Recipient = "pages" | "twins";

/**
 * The packages whose code somebody gets, sorted by name.
 * @param root the repository's folder
 * @throws LicenseError
 */
export async function licensedFor(root: string, recipient: Recipient): Promise<Licensed[]> {
  const folders = recipient === "pages" ? await readShipped(root) : await installedForTwins(root);
  const packages = await Promise.all(folders.map((folder) => readLicensed(root, folder)));
  return packages.sort((one, other) => (one.name < other.name ? -1 : 1));
}

const SHIPPED = "src/licenses/shipped.json";

/**
 * The packages whose code is in the built pages, as the last build has found them: folders below `node_modules/`.
 * Each build checks this list and fails if it is not right.
 */
export async function readShipped(root: string): Promise<string[]> {
  return JSON.parse(await readFile(path.join(root, SHIPPED), "utf8"));
}

/** The file of that list. */
export function shippedFile(root: string): string {
  return path.join(root, SHIPPED);
}

interface Locked {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/**
 * What the programs below `examples/` import, with all that npm installs along with it on a machine like this: folders
 * below `node_modules/`.
 */
export async function installedForTwins(root: string): Promise<string[]> {
  const lockfile = await readFile(path.join(root, "package-lock.json"), "utf8");
  const packages: Record<string, Locked> = JSON.parse(lockfile).packages;
  const found = new Set<string>();
  const add = async (name: string, from: string): Promise<void> => {
    // As Node looks for it: in the packages that the importing one is in, from the innermost on.
    const parents = from.split("/node_modules/").map((_, index, all) => all.slice(0, index + 1));
    const folders = parents.map((parts) => [...parts, name].join("/node_modules/")).reverse();
    const folder = [...folders, name].find((folder) => packages[`node_modules/${folder}`]);
    // A package for another system is in the lockfile, but not here.
    if (!folder || found.has(folder) || !(await exists(path.join(root, "node_modules", folder)))) {
      return;
    }
    found.add(folder);
    const { dependencies, optionalDependencies } = packages[`node_modules/${folder}`] ?? {};
    const needed = { ...dependencies, ...optionalDependencies };
    for (const dependency of Object.keys(needed)) await add(dependency, folder);
  };
  for (const name of await importedByTwins(root)) await add(name, name);
  return [...found].sort();
}

/** The npm packages that the programs below `examples/` import, by name; what only tests import is none. */
export async function importedByTwins(root: string): Promise<string[]> {
  const examples = path.join(root, "examples");
  const programs = (await readdir(examples, { recursive: true })).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  );
  const names = new Set<string>();
  for (const program of programs) {
    const text = await readFile(path.join(examples, program), "utf8");
    for (const [, name = ""] of text.matchAll(/(?:from|import) "(?!node:)([^."][^"]*)"/g)) {
      names.add(name);
    }
  }
  return [...names].sort();
}

/**
 * Reads one package's license.
 * @param folder below `node_modules/`
 * @throws LicenseError
 */
export async function readLicensed(root: string, folder: string): Promise<Licensed> {
  const at = path.join(root, "node_modules", folder);
  const { name, version, license } = JSON.parse(
    await readFile(path.join(at, "package.json"), "utf8"),
  );
  if (!ALLOWED.includes(license)) {
    throw new LicenseError(
      `${name} ${version} has the license ${JSON.stringify(license) ?? "(none)"}, which is not one of ${ALLOWED.join(", ")}. Do without the package, or add the license to ALLOWED in src/licenses/packages.ts if it may be handed on.`,
    );
  }
  const [, other] = Object.entries(TEXT_OF).find(([start]) => name.startsWith(start)) ?? [];
  const text = await textIn(other ? path.join(root, "node_modules", other) : at);
  if (text === undefined) {
    throw new LicenseError(
      `${name} ${version} comes without the text of its license. If another package has it, say so in TEXT_OF in src/licenses/packages.ts.`,
    );
  }
  return { name, version, license, text };
}

/** The text of a package's license: that of its files, or what its README says of it. */
async function textIn(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder)).sort();
  const texts: string[] = [];
  for (const name of names.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))) {
    const at = path.join(folder, name);
    const files = (await stat(at)).isDirectory()
      ? (await readdir(at)).sort().map((file) => path.join(at, file))
      : [at];
    for (const file of files) texts.push(await readFile(file, "utf8"));
  }
  const readme = names.find((name) => /^readme\b/i.test(name));
  if (texts.length === 0 && readme) {
    const text = await readFile(path.join(folder, readme), "utf8");
    const section = text.split(/^#+\s*/m).find((section) => /^licen[cs]e/i.test(section));
    if (section && /permission|redistribution/i.test(section)) texts.push(section);
  }
  return texts.length > 0 ? texts.map((text) => text.trim()).join("\n\n") : undefined;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
