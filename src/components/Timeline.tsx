import type { ReactNode } from "react";
import { formatDuration, formatTick } from "../format/durations.ts";
import { LANGUAGE_NAMES } from "../format/languages.ts";
import type { Language } from "../protocol/programs.ts";
import type { Call, ProgramRun, StepRun } from "../protocol/run.ts";
import styles from "./Timeline.module.css";

const ROW = 22; // pixels
const AXIS = 22;

interface Group {
  title: string;
  language: Language;
  calls: Call[];
}

/**
 * A picture of concurrency: a bar for each of the calls at once, and above them the bar of one call alone, Python and
 * TypeScript on one time axis. Nothing if the run has no such step.
 */
export function Timeline({ runs }: { runs: ProgramRun[] }): ReactNode {
  const groups = collectGroups(runs);
  if (groups.length === 0) return null;
  const end = Math.max(...groups.flatMap(({ calls }) => calls.map((call) => call.endedAt)), 1);
  const step = tickInterval(end);
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  const percent = (milliseconds: number) => `${(100 * milliseconds) / end}%`;
  return (
    <figure className={styles.timeline}>
      <figcaption>
        When each call was sent and answered
        {hasWork(groups) && (
          <span className={styles.legend}>
            <span className={styles.waiting} /> waiting <span className={styles.working} /> at work
          </span>
        )}
      </figcaption>
      <div aria-hidden="true">
        {groups.map(({ title, language, calls }) => (
          <div key={title + language} className={styles.group}>
            <p>
              {title}, <strong>{LANGUAGE_NAMES[language]}</strong>
            </p>
            <svg width="100%" height={calls.length * ROW} aria-hidden="true">
              {ticks.map((tick) => (
                <line
                  key={tick}
                  x1={percent(tick)}
                  x2={percent(tick)}
                  y1="0"
                  y2="100%"
                  className={styles.grid}
                />
              ))}
              {calls.map((call, index) => {
                const { startedAt, endedAt, workTime = endedAt - startedAt } = call;
                const began = Math.max(startedAt, endedAt - workTime);
                const y = index * ROW + 3;
                const bar = { y, height: ROW - 6, rx: 2 };
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: calls have no other name
                  <g key={index} data-call={index + 1} data-began={began} data-ended={endedAt}>
                    <rect
                      {...bar}
                      className={styles.waiting}
                      x={percent(startedAt)}
                      width={percent(endedAt - startedAt)}
                    />
                    <rect
                      {...bar}
                      className={styles.working}
                      x={percent(began)}
                      width={percent(endedAt - began)}
                    />
                  </g>
                );
              })}
            </svg>
          </div>
        ))}
        <svg width="100%" height={AXIS} className={styles.axis} aria-hidden="true">
          {ticks.map((tick) => (
            <text
              key={tick}
              x={percent(tick)}
              y={15}
              textAnchor={tick === 0 ? "start" : tick > 0.95 * end ? "end" : "middle"}
            >
              {formatTick(tick)}
            </text>
          ))}
        </svg>
      </div>
      <details>
        <summary>The same as a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Call</th>
              <th scope="col">Sent after</th>
              <th scope="col">At work from</th>
              <th scope="col">Answered after</th>
            </tr>
          </thead>
          <tbody>
            {groups.flatMap(({ title, language, calls }) =>
              calls.map((call, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: calls have no other name
                <tr key={title + language + index}>
                  <th scope="row">
                    {title}, {LANGUAGE_NAMES[language]}
                    {calls.length > 1 && `, ${index + 1}`}
                  </th>
                  <td>{formatDuration(call.startedAt)}</td>
                  <td>
                    {call.workTime === undefined
                      ? "unknown"
                      : formatDuration(Math.max(call.startedAt, call.endedAt - call.workTime))}
                  </td>
                  <td>{formatDuration(call.endedAt)}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** Collects the calls at once of each program, and the single call that is their baseline. */
function collectGroups(runs: ProgramRun[]): Group[] {
  const groups: (Group & { alone: boolean })[] = [];
  for (const run of runs) {
    const concurrent = run.steps.find((step) => step.baseline !== undefined);
    const alone = run.steps.find((step) => step.name === concurrent?.baseline);
    for (const [step, isAlone] of [
      [alone, true],
      [concurrent, false],
    ] as [StepRun | undefined, boolean][]) {
      if (step === undefined || step.calls.length === 0) continue;
      const title = isAlone ? "One call alone" : `${step.calls.length} at once`;
      groups.push({ title, language: run.language, calls: step.calls, alone: isAlone });
    }
  }
  return groups.sort((one, other) => Number(other.alone) - Number(one.alone));
}

function hasWork(groups: Group[]): boolean {
  return groups.some(({ calls }) => calls.some((call) => call.workTime !== undefined));
}

/** Chooses the interval between ticks, in milliseconds, so that there are at most six. */
function tickInterval(end: number): number {
  const power = 10 ** Math.floor(Math.log10(end));
  return [0.1, 0.2, 0.5, 1, 2].map((part) => part * power).find((step) => end / step <= 5) ?? power;
}
