import { useState } from "react";

/** Texts by name of file. */
type Texts = Record<string, string>;

/** What the reader has changed in an example's files; it survives a reload. */
export function useEdits(example: string): {
  edited: Texts;
  /** A text that is the original again counts as no change. */
  edit: (file: string, text: string, original: string) => void;
  reset: () => void;
} {
  const memory = `orthanc-twins-edit-${example}`;
  const [edited, setEdited] = useState<Texts>(() =>
    JSON.parse(localStorage.getItem(memory) ?? "{}"),
  );
  const keep = (texts: Texts) => {
    if (Object.keys(texts).length === 0) localStorage.removeItem(memory);
    else localStorage.setItem(memory, JSON.stringify(texts));
    setEdited(texts);
  };
  return {
    edited,
    edit: (file, text, original) => {
      const { [file]: _, ...others } = edited;
      keep(text === original ? others : { ...others, [file]: text });
    },
    reset: () => keep({}),
  };
}
