import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { formatDate } from "../format/dates.ts";
import type { RecordedRun as Run } from "../protocol/record.ts";
import { pageSecret } from "./pageSecret.ts";
import styles from "./RecordedRun.module.css";
import { Timeline } from "./Timeline.tsx";
import { Transcript } from "./Transcript.tsx";

const LiveRun = lazy(() => import("./LiveRun.tsx"));

/** The recorded run of an example. On a site that can run it, the live panel replaces it once it comes near. */
export function RecordedRun({ run }: { run: Run }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const [live, setLive] = useState(false);

  useEffect(() => {
    if (!place.current || pageSecret() === undefined) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && setLive(true), {
      rootMargin: "200px",
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);

  const recorded = <Recorded run={run} live={live} />;
  return (
    <div ref={place} data-pagefind-ignore>
      {live ? (
        <Suspense fallback={recorded}>
          <LiveRun example={run.example} recorded={recorded} />
        </Suspense>
      ) : (
        recorded
      )}
    </div>
  );
}

/** @param props.live the reader can run it here, and needs no instructions */
function Recorded({ run, live }: { run: Run; live: boolean }): ReactNode {
  const { versions, twins } = run;
  return (
    <section
      className={styles.run}
      id={live ? undefined : `run-${run.example}`}
      aria-label={`Recorded run of ${run.example}`}
    >
      <p className={styles.head}>
        <strong>Recorded run</strong>
        <span>
          <time dateTime={run.recordedAt}>{formatDate(run.recordedAt)}</time>
          {!live && (
            <>
              ; to run it live, clone the repository and <code>npm start</code>
            </>
          )}
        </span>
      </p>
      <Timeline twins={twins} />
      <Transcript twins={twins} />
      <p className={styles.foot}>
        <strong>Both twins agree.</strong> Orthanc {versions.orthanc} with its Python plugin{" "}
        {versions.plugin}, Python {versions.python}, Node {versions.node}, Debian {run.release}.
      </p>
    </section>
  );
}
