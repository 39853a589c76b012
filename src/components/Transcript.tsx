import type { ReactNode } from "react";
import { formatDuration } from "../format/durations.ts";
import { LANGUAGE_NAMES } from "../format/languages.ts";
import { formatCount } from "../format/numbers.ts";
import type { Twin } from "../protocol/programs.ts";
import type { Call, StepRun, TwinRun } from "../protocol/run.ts";
import styles from "./RecordedRun.module.css";

/** The longest body, in characters, that is not folded. */
const FOLD_LIMIT = 600;

/** Each request with the answers of the twins; of a run that has not ended, those so far. */
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

/** The answers of one twin. Calls with the same answer share a line; each keeps its duration. */
function Answers(props: { twin: Twin; step: StepRun; until: number }): ReactNode {
  const { twin, step, until } = props;
  const same = new Map<string, Call[]>();
  for (const call of step.calls) {
    const key = JSON.stringify([call.status, call.contentType, call.body]);
    same.set(key, [...(same.get(key) ?? []), call]);
  }
  return (
    <div className={styles.twin}>
      <p className={styles.language}>{LANGUAGE_NAMES[twin]}</p>
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
  if (text.length <= FOLD_LIMIT) {
    return body;
  }
  return (
    <details className={styles.long}>
      <summary>Body of {formatCount(text.length)} characters</summary>
      {body}
    </details>
  );
}

function duration({ startedAt, endedAt }: Call): string {
  return formatDuration(endedAt - startedAt);
}

function lastEnd(...steps: (StepRun | undefined)[]): number {
  return Math.max(...steps.flatMap((step) => step?.calls.map((call) => call.endedAt) ?? []));
}
