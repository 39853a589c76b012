import { useState } from "react";

/** Texts by name of file. */
type Texts = Record<string, string>;

/** What is remembered: for each file the reader's text, and the one that it was made from. */
type Memory = Record<string, { text: string; original: string }>;

/** What the reader has changed in an example's files; it survives a reload. */
export function useEdits(example: string): {
  edited: Texts;
  /** Whether a file is no longer the one that the reader has changed. */
  outdated: (file: string, original: string) => boolean;
  /** A text that is the original again counts as no change. */
  edit: (file: string, text: string, original: string) => void;
  reset: () => void;
} {
  const name = `orthanc-twins-edits-${example}`;
  const [edits, setEdits] = useState<Memory>(() => JSON.parse(localStorage.getItem(name) ?? "{}"));
  const keep = (memory: Memory) => {
    if (Object.keys(memory).length === 0) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(memory));
    setEdits(memory);
  };
  return {
    edited: Object.fromEntries(Object.entries(edits).map(([file, { text }]) => [file, text])),
    outdated: (file, original) => edits[file] !== undefined && edits[file].original !== original,
    edit: (file, text, original) => {
      const { [file]: _, ...others } = edits;
      keep(text === original ? others : { ...others, [file]: { text, original } });
    },
    reset: () => keep({}),
  };
}
