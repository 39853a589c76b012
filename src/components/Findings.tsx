import type { ReactNode } from "react";
import type { RunEnd } from "../protocol/live.ts";
import styles from "./Findings.module.css";

/** What a run that was played shows: differences, deviations, and what could not be checked. */
export function RunFindings({ end }: { end: Extract<RunEnd, { how: "played" }> }): ReactNode {
  const { differences = [], edited, unexpected, skipped } = end;
  const changed = edited.length > 0 ? `, now that ${edited.join(", ")} is changed` : "";
  return (
    <>
      <Findings title="The twins differ" sentences={differences} />
      <Findings title={`Not as expected${changed}`} sentences={unexpected} />
      <Findings title="Skipped" sentences={skipped} />
    </>
  );
}

/** A list of sentences below a title, equal ones once; nothing if there are none. */
export function Findings({ title, sentences }: { title: string; sentences: string[] }): ReactNode {
  if (sentences.length === 0) return null;
  return (
    <div className={styles.findings}>
      <p>{title}:</p>
      <ul>
        {[...new Set(sentences)].map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}
