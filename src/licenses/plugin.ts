/**
 * The Docusaurus plugin that knows whose code is in the built pages: after each production build it compares the
 * bundler's own list of modules with `shipped.json`, which the page of licenses is made from, and fails if that is
 * not right. `npm run licenses` writes the list instead.
 */
import { writeFile } from "node:fs/promises";
import type { LoadContext, Plugin } from "@docusaurus/types";
import { readLicensed, readShipped, shippedFile } from "./packages.ts";

/** What is in the pages beside the modules: what joins the bundler's pieces, and the search. */
const BESIDE = ["@rspack/core", "pagefind"];

/** A package's folder below the first `node_modules/` of a path: the innermost one. */
const FOLDER = /\/node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/;

/** A module of the bundler, as far as we use it. */
interface Module {
  nameForCondition?(): string | null | undefined;
  /** Those that were joined into this one. */
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
          `The pages hold the code of other packages than the page of licenses says:\n${differences.join("\n")}\nRun "npm run licenses", look at what has changed, and build again.`,
        );
      }
    },
  };
}

/** The packages that the modules of the pages come from: folders below `node_modules/`. */
function packagesIn({ modules, chunkGraph }: Compilation): string[] {
  const folders = new Set<string>();
  for (const module of modules) {
    // Those that nothing of the pages uses are in no chunk.
    if ([...chunkGraph.getModuleChunks(module)].length === 0) continue;
    for (const part of module.modules ?? [module]) {
      const [, folder] = FOLDER.exec(part.nameForCondition?.() ?? "") ?? [];
      if (folder) folders.add(folder);
    }
  }
  return [...folders];
}
