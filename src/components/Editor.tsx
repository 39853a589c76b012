import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type ReactNode, useEffect, useRef } from "react";
import type { SyntaxIssue } from "../protocol/live.ts";

/** The same colours as in the code blocks of pages. */
const highlighting = HighlightStyle.define([
  { tag: tags.comment, color: "var(--code-comment)" },
  { tag: [tags.keyword, tags.operator], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.regexp], color: "var(--code-string)" },
  { tag: tags.function(tags.variableName), color: "var(--code-function)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-constant)" },
]);

const theme = EditorView.theme({
  "&": { fontSize: "0.8rem", maxHeight: "32rem" },
  ".cm-scroller": { fontFamily: "var(--ifm-font-family-monospace)", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ifm-font-color-base)" },
  ".cm-cursor": { borderLeftColor: "var(--ifm-font-color-base)" },
  ".cm-gutters": { background: "var(--surface)", color: "var(--quiet)", border: "0" },
  ".cm-tooltip": {
    maxWidth: "80vw",
    background: "var(--surface-strong)",
    color: "var(--ifm-font-color-base)",
  },
});

/** An editor for one file. Tab moves the focus out of it, as everywhere on the page. */
export default function Editor(props: {
  file: string;
  /** The initial text; a new value replaces what was typed. */
  text: string;
  issues: SyntaxIssue[];
  onChange: (text: string) => void;
}): ReactNode {
  const { file, text, issues, onChange } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useRef(onChange);
  changed.current = onChange;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect below follows the text
  useEffect(() => {
    if (!place.current) return;
    view.current = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          lintGutter(),
          history(),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          file.endsWith(".py")
            ? [python(), indentUnit.of("    ")]
            : javascript({ typescript: true }),
          syntaxHighlighting(highlighting),
          theme,
          EditorView.contentAttributes.of({ "aria-label": `Code: ${file}`, tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    return () => view.current?.destroy();
  }, [file]);

  useEffect(() => {
    const state = view.current?.state;
    if (!state || state.doc.toString() === text) return;
    view.current?.dispatch({ changes: { from: 0, to: state.doc.length, insert: text } });
  }, [text]);

  useEffect(() => {
    const state = view.current?.state;
    if (!state) return;
    const diagnostics = issues.map(({ line, column, message }): Diagnostic => {
      const { from, to } = state.doc.line(Math.min(line, state.doc.lines));
      return { from: Math.min(from + column - 1, to), to, severity: "error", message };
    });
    view.current?.dispatch(setDiagnostics(state, diagnostics));
  }, [issues]);

  return <div ref={place} />;
}
