/**
 * A loader that runs before a page is compiled. It tells the bundler which other files the page depends on: the
 * development server then renders the page again if an example changes, and a cached page becomes invalid. The remark
 * plugin has no access to the bundler. JavaScript, because the bundler loads it.
 */

/**
 * @typedef {{ dependencies(given: Record<string, string>): string[] }} PageElement
 * @this {import("@rspack/core").LoaderContext<{ root: string, elements: Record<string, PageElement> }>}
 * @param {string} page
 */
export default function watchExamples(page) {
  const { root, elements } = this.getOptions();
  for (const [, name = "", text = ""] of page.matchAll(/<([A-Z]\w+)\b([^>]*)/g)) {
    if (!Object.hasOwn(elements, name)) continue;
    const given = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
    for (const dependency of elements[name]?.dependencies(Object.fromEntries(given)) ?? []) {
      if (/\.\w+$/.test(dependency)) this.addDependency(`${root}/${dependency}`);
      else this.addContextDependency(`${root}/${dependency}`);
    }
  }
  return page;
}
