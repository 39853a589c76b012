import { type ReactNode, useEffect, useState } from "react";
import styles from "./CopyButton.module.css";

type Outcome = "Copied" | "Not copied: the browser refused";

/** A button that copies text to the clipboard and reports the outcome. */
export function CopyButton(props: {
  label: string;
  /** The name of what is copied, for screen readers. */
  what?: string;
  text: () => string;
}): ReactNode {
  const { label, what, text } = props;
  const [outcome, setOutcome] = useState<Outcome>();

  useEffect(() => {
    const timer = outcome && setTimeout(() => setOutcome(undefined), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setOutcome("Copied");
    } catch {
      setOutcome("Not copied: the browser refused");
    }
  };

  return (
    <span className={styles.copy} data-needs-scripts>
      <button type="button" className={styles.button} onClick={copy}>
        {outcome === undefined ? (
          <>
            {label}
            {what !== undefined && <span className="visually-hidden"> {what}</span>}
          </>
        ) : (
          outcome
        )}
      </button>
      <span role="status" className="visually-hidden">
        {outcome}
      </span>
    </span>
  );
}
