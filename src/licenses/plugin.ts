/**
 * The Docusaurus plugin that checks the list of packages in the built pages: after each production build it compares
 * the bundler's own list of modules with `shipped.json`, the source of the page of licenses, and fails if they differ.
 * `npm run licenses` writes the list instead.
 */
import { writeFile } from "node:fs/promises";
import type { LoadContext, Plugin } from "@docusaurus/types";
import { readLicensed, readShipped, shippedFile } from "./packages.ts";

/** Code of the pages that is not a module: the bundler's runtime, and the search. */
const BESIDE = ["@rspack/core", "pagefind"];

/** The innermost package in a path: its folder below the first `node_modules/`. */
const FOLDER = /\/node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/;

/** The part that we use of a module of the bundler. */
interface Module {
  nameForCondition?(): string | null | undefined;
  /** The modules that were merged into this one. */
  modules?: Module[];
}
interface Compilation {
  modules: Iterable<Module>;
  chunkGraph: { getModuleChunks(module: Module): Iterable<unknown> };
}
interface Compiler {
  hooks: { done: { tap(name: string, done: (stats: { compilation: Compilation }) => void): void } };
}

export default function licenses({ siteDir }: LoadContext): Plugin {
  let found: string[] = [];

  return {
    name: "orthanc-twins-licenses",
    configureWebpack: (_config, isServer) =>
      isServer || process.env.NODE_ENV === "development"
        ? {}
        : {
            plugins: [
              {
                apply(compiler: Compiler) {
                  compiler.hooks.done.tap("orthanc-twins-licenses", ({ compilation }) => {
                    found = packagesIn(compilation);
                  });
                },
              },
            ],
          },
    async postBuild() {
      const shipped = [...new Set([...found, ...BESIDE])].sort();
      await Promise.all(shipped.map((folder) => readLicensed(siteDir, folder)));
      if (process.env.WRITE_LICENSES) {
        await writeFile(shippedFile(siteDir), `${JSON.stringify(shipped, null, 2)}\n`);
        return;
      }
      const listed = await readShipped(siteDir);
      const differences = [
        ...shipped.filter((folder) => !listed.includes(folder)).map((folder) => `+ ${folder}`),
        ...listed.filter((folder) => !shipped.includes(folder)).map((folder) => `- ${folder}`),
      ];
      if (differences.length > 0) {
        throw new Error(
          `The page of licenses does not list the packages whose code the pages contain:\n${differences.join("\n")}\nRun "npm run licenses", look at what has changed, and build again.`,
        );
      }
    },
  };
}

/** Finds the packages of the modules in the pages: folders below `node_modules/`. */
function packagesIn({ modules, chunkGraph }: Compilation): string[] {
  const folders = new Set<string>();
  for (const module of modules) {
    // Modules that the pages do not use are in no chunk.
    if ([...chunkGraph.getModuleChunks(module)].length === 0) continue;
    for (const part of module.modules ?? [module]) {
      const [, folder] = FOLDER.exec(part.nameForCondition?.() ?? "") ?? [];
      if (folder) folders.add(folder);
    }
  }
  return [...folders];
}
