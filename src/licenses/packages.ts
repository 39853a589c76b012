/** The npm packages whose code readers receive, and their licenses. */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Licensed } from "../protocol/page.ts";

/**
 * The licenses of packages whose code we may distribute. Each permits use, modification and distribution together with
 * the text of the license, which is on the page of licenses.
 */
export const ALLOWED = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];

/** Packages without a license's text, to a package of the same holder that contains it. */
const TEXT_OF: Record<string, string> = {
  // Each of its style sheets names the same holder and license as Docusaurus.
  infima: "@docusaurus/core",
  // The package for each platform only adds a compiled file.
  "@napi-rs/nice-": "@napi-rs/nice",
};

/** A package can't be distributed: it has no license or none that is allowed, or the license's text is missing. */
export class LicenseError extends Error {
  override name = "LicenseError";
}

/** Who receives the code: readers of the pages in their browser, or readers who install what a copied twin imports. */
export type Recipient = "pages" | "twins";

/**
 * Lists the packages whose code a recipient receives, sorted by name.
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
 * Reads the list of packages whose code is in the built pages: folders below `node_modules/`. The last build has
 * written it; each build checks the list and fails if it is wrong.
 */
export async function readShipped(root: string): Promise<string[]> {
  return JSON.parse(await readFile(path.join(root, SHIPPED), "utf8"));
}

/** Returns the path of that list. */
export function shippedFile(root: string): string {
  return path.join(root, SHIPPED);
}

interface Locked {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/**
 * Lists what the programs below `examples/` import, with everything that npm installs along with it on a machine like
 * this one: folders below `node_modules/`.
 */
export async function installedForTwins(root: string): Promise<string[]> {
  const lockfile = await readFile(path.join(root, "package-lock.json"), "utf8");
  const packages: Record<string, Locked> = JSON.parse(lockfile).packages;
  const found = new Set<string>();
  const add = async (name: string, from: string): Promise<void> => {
    // Like Node: in the packages that contain the importing one, from the innermost outwards.
    const parents = from.split("/node_modules/").map((_, index, all) => all.slice(0, index + 1));
    const folders = parents.map((parts) => [...parts, name].join("/node_modules/")).reverse();
    const folder = [...folders, name].find((folder) => packages[`node_modules/${folder}`]);
    // A package for another system is in the lockfile, but not installed here.
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

/** Lists the names of the npm packages that the programs below `examples/` import. Tests are not among them. */
export async function importedByTwins(root: string): Promise<string[]> {
  const examples = path.join(root, "examples");
  const programs = (await readdir(examples, { recursive: true })).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  );
  const names = new Set<string>();
  for (const program of programs) {
    const text = await readFile(path.join(examples, program), "utf8");
    for (const [, name = ""] of text.matchAll(
      /(?:from|import) "(?!node:)((?:@[^/"]+\/)?[^./"][^/"]*)/g,
    )) {
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

/** Finds the text of a package's license: in its own file, or in the README. */
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
