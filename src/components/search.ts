/** The part that we use of the search index, which Pagefind makes after the build. */
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

/** A page, or a part of a page below a heading, that contains the words. */
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
 * @param folder its folder, with a slash at the end
 * @throws Error if there is none, as in the development server
 */
export async function loadIndex(folder: string): Promise<SearchIndex> {
  if (process.env.NODE_ENV === "development") {
    // A request for it would leave an error in the browser's console.
    throw new Error("The index is made after the production build.");
  }
  return import(/* webpackIgnore: true */ `${folder}pagefind.js`);
}

/**
 * Finds the parts of pages that contain the words, the best pages first.
 * @returns undefined if a newer query has replaced this one
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
