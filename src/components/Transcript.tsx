import type { ReactNode } from "react";
import type { Twin } from "../harness/example.ts";
import type { Call, StepRun, TwinRun } from "../harness/run.ts";
import styles from "./RecordedRun.module.css";

export const LANGUAGES: Record<Twin, string> = { python: "Python", typescript: "TypeScript" };

/** A longer body is folded away until the reader wants it. */
const LONG = 600;

/** Each request, and what the twins answered. Of a run that goes on, what is there so far. */
export function Transcript({ twins }: { twins: Partial<Record<Twin, TwinRun>> }): ReactNode {
  const { python, typescript } = twins;
  const steps =
    (python?.steps.length ?? 0) >= (typescript?.steps.length ?? 0) ? python : typescript;
  return (
    <ol className={styles.steps}>
      {steps?.steps.map((step, index) => {
        const answered = [python, typescript].flatMap((run) => {
          const played = run?.steps[index];
          return run && played ? [{ twin: run.twin, played }] : [];
        });
        const until = lastEnd(...answered.map(({ played }) => played));
        return (
          <li key={step.name}>
            <Request step={step} />
            <div className={styles.answers}>
              {answered.map(({ twin, played }) => (
                <Answers key={twin} twin={twin} step={played} until={until} />
              ))}
            </div>
          </li>
        );
      })}
    </ol>
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
        {alone && <span className={styles.duration}>{duration(first)}</span>}
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
              <span className={styles.duration}>{duration(call)}</span>
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

function duration({ startedAt, endedAt }: Call): string {
  return seconds(endedAt - startedAt);
}

/** Milliseconds as seconds, with as many digits as they deserve. */
export function seconds(milliseconds: number): string {
  const value = milliseconds / 1000;
  return `${value.toFixed(value < 0.1 ? 3 : 2)} s`;
}

function lastEnd(...steps: (StepRun | undefined)[]): number {
  return Math.max(...steps.flatMap((step) => step?.calls.map((call) => call.endedAt) ?? []));
}
