import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { formatDate } from "../format/dates.ts";
import type { RecordedScenario, RecordOrigin } from "../protocol/record.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { pageSecret } from "./pageSecret.ts";
import styles from "./RecordedRun.module.css";
import type { RunnableProps } from "./runnable.ts";
import { Timeline } from "./Timeline.tsx";
import { Transcript } from "./Transcript.tsx";

const LiveRun = lazy(() => import("./LiveRun.tsx"));

/** The recorded run of both twins of an example. */
export function RecordedRun({ record }: { record: RecordedScenario }): ReactNode {
  const { scenario, runs, ...origin } = record;
  return (
    <Recorded
      scenario={scenario}
      title={scenario}
      anchor={`run-${scenario}`}
      programs={runs}
      runs={runs}
      origin={origin}
      conclusion="Both twins agree."
    />
  );
}

/**
 * Recorded runs of programs. On a site that can run them, the live panel replaces them when they come close to the
 * visible part of the page.
 * @param props.conclusion what the runs show, in a short sentence
 */
export function Recorded(
  props: RunnableProps & { runs: ProgramRun[]; origin: RecordOrigin; conclusion: string },
): ReactNode {
  const { scenario, title, anchor, programs, runs, origin, conclusion } = props;
  const place = useRef<HTMLDivElement>(null);
  const [live, setLive] = useState(false);

  useEffect(() => {
    if (!place.current || pageSecret() === undefined) return;
    // A busy browser reports several changes at once, the latest last.
    const show: IntersectionObserverCallback = (entries) =>
      entries.at(-1)?.isIntersecting && setLive(true);
    const observer = new IntersectionObserver(show, { rootMargin: "200px" });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);

  const { versions, recordedAt, release } = origin;
  const recorded = (
    <section
      className={styles.run}
      id={live ? undefined : anchor}
      aria-label={`Recorded run of ${title}`}
    >
      <p className={styles.head}>
        <strong>Recorded run</strong>
        <span>
          <time dateTime={recordedAt}>{formatDate(recordedAt)}</time>
          {/* A reader who can run it here needs no instructions. */}
          {!live && (
            <>
              ; to run it live, clone the repository and <code>npm start</code>
            </>
          )}
        </span>
      </p>
      <Timeline runs={runs} />
      <Transcript runs={runs} />
      <p className={styles.foot}>
        <strong>{conclusion}</strong> Orthanc {versions.orthanc} with its Python plugin{" "}
        {versions.plugin}, Python {versions.python}, Node {versions.node}, Debian {release}.
      </p>
    </section>
  );
  return (
    <div ref={place} data-pagefind-ignore>
      {live ? (
        <Suspense fallback={recorded}>
          <LiveRun
            scenario={scenario}
            title={title}
            anchor={anchor}
            programs={programs}
            recorded={recorded}
          />
        </Suspense>
      ) : (
        recorded
      )}
    </div>
  );
}
