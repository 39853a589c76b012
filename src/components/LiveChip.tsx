import { type ReactNode, useEffect, useState } from "react";
import type { Versions } from "../protocol/run.ts";
import styles from "./LiveChip.module.css";
import { pageSecret } from "./pageSecret.ts";

/** Shows if examples run live on this site, and the versions that they run on. */
export function LiveChip({ mobile }: { mobile?: boolean }): ReactNode {
  const [live, setLive] = useState(false);
  const [versions, setVersions] = useState<Versions>();

  useEffect(() => {
    if (pageSecret() === undefined) return;
    setLive(true);
    import("./liveClient.ts")
      .then(({ fetchVersions }) => fetchVersions())
      .then(setVersions, () => {});
  }, []);

  const text = live ? describe(versions) : "Recorded runs";
  if (mobile) {
    return (
      <li className="menu__list-item">
        <span className={styles.chip}>{text}</span>
      </li>
    );
  }
  // In a narrow bar, the theme hides its own items.
  return <span className={`navbar__item ${styles.chip}`}>{text}</span>;
}

function describe(versions: Versions | undefined): string {
  if (!versions) return "Live";
  const { orthanc, plugin, python, node } = versions;
  return `Live on Orthanc ${orthanc} (plugin ${plugin}, Python ${python}, Node ${node})`;
}
