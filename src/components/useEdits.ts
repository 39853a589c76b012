import { useState } from "react";
import { recall, remember } from "./memory.ts";

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
  /** Whether the browser keeps the changes for a reload. */
  kept: boolean;
} {
  const name = `orthanc-twins-edits-${example}`;
  const [edits, setEdits] = useState<Memory>(() => parse(recall("localStorage", name)));
  const [kept, setKept] = useState(true);
  const keep = (memory: Memory) => {
    const none = Object.keys(memory).length === 0;
    setKept(remember("localStorage", name, none ? undefined : JSON.stringify(memory)) || none);
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
    kept,
  };
}

/** What was remembered, less what is not of that form: other programs write into a browser's memory, too. */
function parse(text: string | undefined): Memory {
  try {
    const entries = Object.entries<Partial<Memory[string]> | null>(JSON.parse(text ?? "{}") ?? {});
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
