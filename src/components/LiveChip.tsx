import { type ReactNode, useEffect, useState } from "react";
import type { Versions } from "../harness/run.ts";
import styles from "./LiveChip.module.css";
import { secretOfPage } from "./live.ts";

/** Says whether examples run live here, and on what. */
export function LiveChip({ mobile }: { mobile?: boolean }): ReactNode {
  const [live, setLive] = useState(false);
  const [versions, setVersions] = useState<Versions>();

  useEffect(() => {
    if (secretOfPage() === undefined) return;
    setLive(true);
    import("./liveClient.ts").then(({ askVersions }) => askVersions()).then(setVersions, () => {});
  }, []);

  const words = live ? text(versions) : "Recorded runs";
  if (mobile) {
    return (
      <li className="menu__list-item">
        <span className={styles.chip}>{words}</span>
      </li>
    );
  }
  // The theme leaves its items out of a narrow bar.
  return <span className={`navbar__item ${styles.chip}`}>{words}</span>;
}

function text(versions: Versions | undefined): string {
  if (!versions) return "Live";
  const { orthanc, plugin, python, node } = versions;
  return `Live on Orthanc ${orthanc} (plugin ${plugin}, Python ${python}, Node ${node})`;
}
