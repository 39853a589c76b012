/**
 * A loader that runs before a page is compiled, and tells the bundler which files outside of the page are in
 * it: so that the development server renews the page when an example changes, and so that a cached page is
 * not used again after that. It finds the same elements as the remark plugin, which has no access to the bundler.
 * In JavaScript, because the bundler loads it by itself.
 */
const ELEMENT =
  /<(?<element>Twins|Source|RecordedRun|Hazard|Access|Benchmark|Mutations|Licenses)\b(?:[^>]*?\b(?:example|file|name)="(?<value>[^"]+)")?/g;

/** The files and folders that each element shows: files have an ending. */
const SHOWN = {
  Twins: example,
  RecordedRun: example,
  Source: (/** @type {string} */ file) => [`examples/${file}`],
  Hazard: (/** @type {string} */ name) => [
    `examples/hazards/${name}`,
    `static/runs/hazards/${name}.json`,
  ],
  Access: () => ["static/runs/token-access.json"],
  Benchmark: (/** @type {string} */ name) => [`static/benchmarks/${name}.json`],
  Mutations: () => ["src/harness/mutations.json"],
  Licenses: () => ["package-lock.json", "src/licenses/shipped.json"],
};

/** @param {string} id */
function example(id) {
  return [
    `examples/${id}/plugin.py`,
    `examples/${id}/plugin.ts`,
    `examples/${id}/worker.ts`,
    `static/runs/${id}.json`,
  ];
}

/** @this {import("@rspack/core").LoaderContext<{ root: string }>} */
export default function watchExamples(page) {
  const { root } = this.getOptions();
  for (const { groups } of page.matchAll(ELEMENT)) {
    for (const shown of SHOWN[groups.element](groups.value)) {
      if (/\.\w+$/.test(shown)) this.addDependency(`${root}/${shown}`);
      else this.addContextDependency(`${root}/${shown}`);
    }
  }
  return page;
}
