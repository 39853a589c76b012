import { useStorageSlot } from "@docusaurus/theme-common";
import { useState } from "react";

/** File name to text. */
type Texts = Record<string, string>;

/** For each file the reader's text, and the original that it was made from. */
type Edits = Record<string, { text: string; original: string }>;

/** The reader's changes of programs' files, which survive a reload. */
export function useEdits(title: string): {
  edited: Texts;
  /** Tells if the original of a file is no longer the one that the reader has changed. */
  outdated: (file: string, original: string) => boolean;
  /** Changes a file; the original text undoes the change. */
  edit: (file: string, text: string, original: string) => void;
  reset: () => void;
  /** The browser has stored the changes. */
  kept: boolean;
} {
  const [stored, slot] = useStorageSlot(`edits-${title}`);
  const [unkept, setUnkept] = useState<string>();
  const edits = parse(unkept ?? stored);
  const keep = (changed: Edits) => {
    const text = Object.keys(changed).length > 0 ? JSON.stringify(changed) : null;
    if (text === null) slot.del();
    else slot.set(text);
    // A blocked or full storage drops a text without an error.
    setUnkept(text === null || slot.get() === text ? undefined : text);
  };
  return {
    edited: Object.fromEntries(Object.entries(edits).map(([file, { text }]) => [file, text])),
    outdated: (file, original) => edits[file] !== undefined && edits[file].original !== original,
    edit: (file, text, original) => {
      const { [file]: _, ...others } = edits;
      keep(text === original ? others : { ...others, [file]: { text, original } });
    },
    reset: () => keep({}),
    kept: unkept === undefined,
  };
}

/** Parses the stored changes, without entries of another form: other programs write to the browser's storage, too. */
function parse(text: string | null): Edits {
  try {
    const entries = Object.entries<Partial<Edits[string]> | null>(JSON.parse(text ?? "{}") ?? {});
    return Object.fromEntries(
      entries.flatMap(([file, edit]) => {
        const { text, original } = edit ?? {};
        if (typeof text !== "string" || typeof original !== "string") return [];
        return [[file, { text, original }]];
      }),
    );
  } catch {
    return {};
  }
}
