/**
 * A loader that runs before a page is compiled. It tells the bundler which other files the page depends on: the
 * development server then renders the page again if an example changes, and a cached page becomes invalid. It finds
 * the same elements as the remark plugin, which has no access to the bundler. JavaScript, because the bundler loads it.
 */
const ELEMENT =
  /<(?<element>Twins|Source|RecordedRun|Hazard|Access|Benchmark|Mutations|Licenses)\b(?:[^>]*?\b(?:example|file|name)="(?<value>[^"]+)")?/g;

/** The files and folders that each element depends on: files have an ending. */
const DEPENDENCIES = {
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
    for (const dependency of DEPENDENCIES[groups.element](groups.value)) {
      if (/\.\w+$/.test(dependency)) this.addDependency(`${root}/${dependency}`);
      else this.addContextDependency(`${root}/${dependency}`);
    }
  }
  return page;
}
