import { type ReactNode, useRef } from "react";
import type { Code } from "../protocol/page.ts";
import styles from "./CodeBlock.module.css";
import { CopyButton } from "./CopyButton.tsx";

/** A block of highlighted code, with its origin and buttons that copy it. */
export function CodeBlock({ code }: { code: Code }): ReactNode {
  const { html, language, file, region, whole } = code;
  const shown = useRef<HTMLElement>(null);
  const slash = file?.lastIndexOf("/") ?? -1;
  const name = file?.slice(slash + 1) ?? language;
  const label = region === undefined ? name : `${name}, region ${region}`;
  return (
    <figure className={styles.block} data-file={file} data-region={region}>
      <figcaption className={styles.head} data-pagefind-ignore>
        <span className={styles.title}>
          <span className={styles.folder}>{file?.slice(0, slash + 1)}</span>
          <strong>{name}</strong>
          {region !== undefined && ` · ${region}`}
        </span>
        {whole !== undefined && <CopyButton label="Copy whole file" text={() => whole} />}
        <CopyButton label="Copy" what={label} text={() => shown.current?.textContent ?? ""} />
      </figcaption>
      {/* A block that is wider than the page scrolls, also by keyboard, so it takes the focus. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: see above */}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset holds form controls */}
      <pre className={styles.code} tabIndex={0} role="group" aria-label={`Code: ${label}`}>
        {/* One string, so that hydration does not walk the tokens. */}
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: made by our remark plugin */}
        <code ref={shown} dangerouslySetInnerHTML={{ __html: html }} />
      </pre>
    </figure>
  );
}
