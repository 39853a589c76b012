/**
 * What a page remembers in the browser. It is no matter of course: a browser refuses where the reader has blocked it,
 * or when there is no more room. Pages work without it.
 */

type Storages = "localStorage" | "sessionStorage";

/** What is remembered under a name; undefined if nothing is, or the browser refuses. */
export function recall(storage: Storages, name: string): string | undefined {
  try {
    return window[storage].getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a text, or forgets what was there. Returns whether the browser has done so. */
export function remember(storage: Storages, name: string, text: string | undefined): boolean {
  try {
    if (text === undefined) window[storage].removeItem(name);
    else window[storage].setItem(name, text);
    return true;
  } catch {
    return false;
  }
}
