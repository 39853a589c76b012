/**
 * The storage of the browser. It may be unavailable: if the reader has blocked it, or if it is full. Pages work without
 * it.
 */

type Storages = "localStorage" | "sessionStorage";

/** Reads the text under a name; undefined if there is none, or if the storage is unavailable. */
export function recall(storage: Storages, name: string): string | undefined {
  try {
    return window[storage].getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores a text, or removes the stored one. Returns false if the storage is unavailable. */
export function remember(storage: Storages, name: string, text: string | undefined): boolean {
  try {
    if (text === undefined) window[storage].removeItem(name);
    else window[storage].setItem(name, text);
    return true;
  } catch {
    return false;
  }
}
