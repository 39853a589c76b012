/**
 * A loader that runs before a page is compiled, and tells the bundler which files outside of the page are in
 * it: so that the development server renews the page when an example changes, and so that a cached page is
 * not used again after that. It finds the same elements as the remark plugin, which has no access to the bundler.
 * In JavaScript, because the bundler loads it by itself.
 */
const ELEMENT =
  /<(?:Twins|Source|RecordedRun)\s[^>]*\b(?<attribute>example|file)="(?<value>[^"]+)"/g;

/** @this {import("@rspack/core").LoaderContext<{ root: string }>} */
export default function watchExamples(page) {
  const { root } = this.getOptions();
  for (const { groups } of page.matchAll(ELEMENT)) {
    const files =
      groups.attribute === "file"
        ? [`examples/${groups.value}`]
        : [
            `examples/${groups.value}/plugin.py`,
            `examples/${groups.value}/plugin.ts`,
            `examples/${groups.value}/worker.ts`,
            `static/runs/${groups.value}.json`,
          ];
    for (const file of files) {
      this.addDependency(`${root}/${file}`);
    }
  }
  return page;
}
