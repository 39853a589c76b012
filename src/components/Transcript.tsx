import type { ReactNode } from "react";
import { formatDuration } from "../format/durations.ts";
import { LANGUAGE_NAMES } from "../format/languages.ts";
import { formatCount } from "../format/numbers.ts";
import { describeOutcome, describeStart } from "../format/outcomes.ts";
import type { Language } from "../protocol/programs.ts";
import type { Call, ProgramRun, StepRun } from "../protocol/run.ts";
import styles from "./RecordedRun.module.css";

/** The longest body, in characters, that is not folded. */
const FOLD_LIMIT = 600;

/** Each step with the answers or outcomes of all programs; of a run that has not ended, those so far. */
export function Transcript({ runs }: { runs: ProgramRun[] }): ReactNode {
  const [longest] = [...runs].sort((one, other) => other.steps.length - one.steps.length);
  const notStarted = runs.filter(({ start }) => start.type !== "answers");
  // Both twins may print the same line.
  const lines = new Set(runs.flatMap(({ log }) => log));
  return (
    <ol className={styles.steps}>
      {notStarted.map(({ program, start }) => (
        <li key={program}>
          <p className={styles.outcome}>{describeStart(start)}</p>
        </li>
      ))}
      {longest?.steps.map((step, index) => {
        const played = runs.flatMap((run) => {
          const same = run.steps[index];
          return same ? [{ run, step: same }] : [];
        });
        const until = lastEnd(played.map((one) => one.step));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the steps never change their order
          <li key={index}>
            <Action step={step} />
            <div className={runs.length > 1 ? styles.answers : undefined}>
              {played.map(({ run: { program, language }, step }) => (
                <Result
                  key={program}
                  language={runs.length > 1 ? language : undefined}
                  step={step}
                  until={until}
                />
              ))}
            </div>
          </li>
        );
      })}
      {[...lines].map((line) => (
        <li key={line}>
          In the log: <code>{line}</code>
        </li>
      ))}
    </ol>
  );
}

function Action({ step }: { step: StepRun }): ReactNode {
  return (
    <>
      <p className={styles.name}>{step.name}</p>
      <p className={styles.request}>
        <code>{step.action}</code>
        {step.calls.length > 1 && <span> ×{step.calls.length} at once</span>}
      </p>
      {step.body !== undefined && <Body text={step.body} />}
    </>
  );
}

/**
 * The answers of one program, or another outcome. Calls with the same answer share a line; each keeps its duration.
 * @param props.language undefined if there is only one program
 */
function Result(props: {
  language: Language | undefined;
  step: StepRun;
  until: number;
}): ReactNode {
  const { language, step, until } = props;
  const same = new Map<string, Call[]>();
  for (const call of step.calls) {
    const key = JSON.stringify([call.status, call.contentType, call.body]);
    same.set(key, [...(same.get(key) ?? []), call]);
  }
  return (
    <div className={language && styles.twin}>
      {language && <p className={styles.language}>{LANGUAGE_NAMES[language]}</p>}
      {step.outcome && (
        <p className={styles.status}>
          <span className={styles.outcome}>{describeOutcome(step.outcome)}</span>
          <span className={styles.duration}>{formatDuration(step.milliseconds ?? 0)}</span>
        </p>
      )}
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

function lastEnd(steps: StepRun[]): number {
  return Math.max(...steps.flatMap((step) => step.calls.map((call) => call.endedAt)));
}
