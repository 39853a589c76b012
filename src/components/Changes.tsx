import type { ReactNode } from "react";
import type { FileChanges } from "../protocol/page.ts";
import styles from "./Changes.module.css";
import code from "./CodeBlock.module.css";

/** The changes of the fix in each file, folded. */
export function Changes({ files }: { files: FileChanges[] }): ReactNode {
  return (
    <details className={styles.changes} data-pagefind-ignore>
      <summary>What changed</summary>
      {files.map(({ file, html, added, removed }) => (
        <figure key={file} className={code.block}>
          <figcaption className={code.head}>
            <span className={code.title}>
              <strong>{file}</strong>
            </span>
            <span>
              <span aria-hidden="true">
                −{removed} +{added}
              </span>
              <span className="visually-hidden">
                {removed} lines removed, {added} added
              </span>
            </span>
          </figcaption>
          {/* A block that is wider than the page scrolls, also by keyboard, so it takes the focus. */}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: see above */}
          {/* biome-ignore lint/a11y/useSemanticElements: a fieldset holds form controls */}
          <pre className={code.code} tabIndex={0} role="group" aria-label={`Changes in ${file}`}>
            {/* biome-ignore lint/security/noDangerouslySetInnerHtml: made by our remark plugin */}
            <code dangerouslySetInnerHTML={{ __html: html }} />
          </pre>
        </figure>
      ))}
    </details>
  );
}
