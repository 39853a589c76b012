/** The search index that Pagefind makes after the build, as far as we use it. */
export interface SearchIndex {
  debouncedSearch(
    query: string,
    options: object,
    milliseconds: number,
  ): Promise<{ results: { data(): Promise<Found> }[] } | null>;
}

interface Found {
  url: string;
  meta: { title: string };
  excerpt: string;
  sub_results: { title: string; url: string; excerpt: string }[];
}

/** A page, or a part of a page below a heading, that has the words. */
export interface Hit {
  url: string;
  page: string;
  part?: string;
  /** HTML, with the words in `mark` elements. */
  excerpt: string;
}

const PAGES = 6;
const PARTS = 3;

/**
 * Loads the index.
 * @param folder where it lies, with a slash at its end
 * @throws where there is none, as in the development server
 */
export async function loadIndex(folder: string): Promise<SearchIndex> {
  if (process.env.NODE_ENV === "development") {
    // Asking for it would leave an error in the browser's console.
    throw new Error("The index is made after the production build.");
  }
  return import(/* webpackIgnore: true */ `${folder}pagefind.js`);
}

/**
 * Finds the parts of pages that have the words, the best pages first.
 * @returns undefined where a newer query has overtaken this one
 */
export async function findPages(index: SearchIndex, query: string): Promise<Hit[] | undefined> {
  const search = await index.debouncedSearch(query, {}, 100);
  if (search === null) {
    return undefined;
  }
  const pages = await Promise.all(search.results.slice(0, PAGES).map((result) => result.data()));
  return pages.flatMap(({ meta, sub_results }) =>
    sub_results.slice(0, PARTS).map(({ title, url, excerpt }) => ({
      url: url.replace(/(\/index)?\.html(?=#|$)/, ""),
      page: meta.title,
      part: title === meta.title ? undefined : title,
      excerpt,
    })),
  );
}
