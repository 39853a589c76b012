import type { ReactNode } from "react";
import styles from "./Diagram.module.css";

/**
 * A drawn graph.
 * @param props.words the same in words, for readers who can't see it
 */
export function Diagram({ svg, words }: { svg: string; words: string }): ReactNode {
  return (
    <figure className={styles.diagram} data-diagram>
      {/* biome-ignore lint/security/noDangerouslySetInnerHtml: made by our remark plugin */}
      <div dangerouslySetInnerHTML={{ __html: svg }} />
      <figcaption>
        <details>
          <summary>The picture in words</summary>
          {words}
        </details>
      </figcaption>
    </figure>
  );
}
