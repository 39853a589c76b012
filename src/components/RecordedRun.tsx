import type { ReactNode } from "react";
import type { Twin } from "../harness/example.ts";
import type { Call, RecordedRun as Run, StepRun } from "../harness/run.ts";
import styles from "./RecordedRun.module.css";

const LANGUAGES: Record<Twin, string> = { python: "Python", typescript: "TypeScript" };

/** A longer body is folded away until the reader wants it. */
const LONG = 600;

const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });

/** The transcript of an example's run: each request, and what both twins answered. */
export function RecordedRun({ run }: { run: Run }): ReactNode {
  const { versions, twins } = run;
  return (
    <section
      className={styles.run}
      aria-label={`Recorded run of ${run.example}`}
      data-pagefind-ignore
    >
      <p className={styles.head}>
        <strong>Recorded run</strong>
        <time dateTime={run.recordedAt}>{dates.format(new Date(run.recordedAt))}</time>
      </p>
      <ol className={styles.steps}>
        {twins.python.steps.map((python, index) => {
          const typescript = twins.typescript.steps[index];
          return (
            <li key={python.name}>
              <Request step={python} />
              <div className={styles.answers}>
                <Answers twin="python" step={python} until={lastEnd(python, typescript)} />
                {typescript && (
                  <Answers
                    twin="typescript"
                    step={typescript}
                    until={lastEnd(python, typescript)}
                  />
                )}
              </div>
            </li>
          );
        })}
      </ol>
      <p className={styles.foot}>
        <strong>Both twins agree.</strong> Orthanc {versions.orthanc} with its Python plugin{" "}
        {versions.plugin}, Python {versions.python}, Node {versions.node}, Debian {run.release}.
      </p>
    </section>
  );
}

function Request({ step }: { step: StepRun }): ReactNode {
  return (
    <>
      <p className={styles.name}>{step.name}</p>
      <p className={styles.request}>
        <code>
          {step.method} {step.path}
        </code>
        {step.calls.length > 1 && <span> ×{step.calls.length} at once</span>}
      </p>
      {step.body !== undefined && <pre className={styles.body}>{step.body}</pre>}
    </>
  );
}

/** What one twin answered. Calls with the same answer share a line; each keeps its duration. */
function Answers(props: { twin: Twin; step: StepRun; until: number }): ReactNode {
  const { twin, step, until } = props;
  const same = new Map<string, Call[]>();
  for (const call of step.calls) {
    const key = JSON.stringify([call.status, call.contentType, call.body]);
    same.set(key, [...(same.get(key) ?? []), call]);
  }
  return (
    <div className={styles.twin}>
      <p className={styles.language}>{LANGUAGES[twin]}</p>
      {[...same].map(([key, calls]) => (
        <Answer key={key} calls={calls} until={until} alone={step.calls.length === 1} />
      ))}
    </div>
  );
}

function Answer(props: { calls: Call[]; until: number; alone: boolean }): ReactNode {
  const { calls, until, alone } = props;
  const [first] = calls;
  if (first === undefined) {
    return null;
  }
  return (
    <>
      <p className={styles.status}>
        {calls.length > 1 && `${calls.length} answers: `}
        <strong>{first.status}</strong> {first.contentType}
        {alone && <span className={styles.duration}>{seconds(first)}</span>}
      </p>
      {!alone && (
        <ul className={styles.times}>
          {calls.map((call, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes
            <li key={index}>
              <span className={styles.track}>
                <span
                  className={styles.bar}
                  style={{
                    left: `${(100 * call.startedAt) / until}%`,
                    width: `${(100 * (call.endedAt - call.startedAt)) / until}%`,
                  }}
                />
              </span>
              <span className={styles.duration}>{seconds(call)}</span>
            </li>
          ))}
        </ul>
      )}
      <Body text={first.body} />
    </>
  );
}

function Body({ text }: { text: string }): ReactNode {
  if (text === "") {
    return <p className={styles.empty}>no body</p>;
  }
  const body = <pre className={styles.body}>{text}</pre>;
  if (text.length <= LONG) {
    return body;
  }
  return (
    <details className={styles.long}>
      <summary>Body of {text.length.toLocaleString("en-GB")} characters</summary>
      {body}
    </details>
  );
}

function seconds({ startedAt, endedAt }: Call): string {
  const value = (endedAt - startedAt) / 1000;
  return `${value.toFixed(value < 0.1 ? 3 : 2)} s`;
}

function lastEnd(...steps: (StepRun | undefined)[]): number {
  return Math.max(...steps.flatMap((step) => step?.calls.map((call) => call.endedAt) ?? []));
}
