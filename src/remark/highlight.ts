/** Highlights code at build time, so that a page needs no highlighter. */
import path from "node:path";
import { createCssVariablesTheme, createHighlighter } from "shiki";

/** The languages that a page may show: the name after the fence to the heading of the block. */
export const LANGUAGES = {
  python: "Python",
  typescript: "TypeScript",
  json: "JSON",
  bash: "Shell",
  http: "HTTP",
  text: "Text",
} as const;
export type Language = keyof typeof LANGUAGES;

const BY_EXTENSION: Record<string, Language> = {
  ".py": "python",
  ".ts": "typescript",
  ".json": "json",
  ".sh": "bash",
  ".txt": "text",
};

/** Returns the language of a file by its ending; undefined if pages can't show such files. */
export function findLanguage(file: string): Language | undefined {
  return BY_EXTENSION[path.extname(file)];
}

// This theme assigns a kind to each token; src/components/CodeBlock.module.css assigns colours to kinds.
const theme = createCssVariablesTheme({ name: "kinds", variablePrefix: "--" });
const highlighter = createHighlighter({
  themes: [theme],
  langs: ["python", "typescript", "json", "bash", "http"],
});

/**
 * Highlights code.
 * @returns HTML whose text content is exactly the code: a span with a class for each run of tokens of the same kind,
 * plain text for the rest
 */
export async function highlight(code: string, lang: Language): Promise<string> {
  return (await highlightLines(code, lang)).join("\n");
}

/** Highlights code, and returns the HTML of each of its lines. */
export async function highlightLines(code: string, lang: Language): Promise<string[]> {
  const lines = (await highlighter).codeToTokensBase(code, { lang, theme });
  return lines.map((line) => {
    const runs: { kind: string; text: string }[] = [];
    for (const { content: text, color } of line) {
      const kind = tokenKind(color);
      const last = runs.at(-1);
      if (last !== undefined && (last.kind === kind || text.trim() === "")) last.text += text;
      else runs.push({ kind, text });
    }
    return runs
      .map(({ kind, text }) =>
        kind === "" ? escapeHtml(text) : `<span class="tok-${kind}">${escapeHtml(text)}</span>`,
      )
      .join("");
  });
}

/** Turns `var(--token-keyword)` into `keyword`; punctuation and plain names have no kind. */
function tokenKind(color = ""): string {
  const kind = /--token-([a-z-]+)/.exec(color)?.[1] ?? "";
  return kind === "punctuation" ? "" : kind;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
