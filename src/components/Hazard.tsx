import TabItem from "@theme/TabItem";
import Tabs from "@theme/Tabs";
import type { ReactNode } from "react";
import { formatDate } from "../format/dates.ts";
import { formatDuration } from "../format/durations.ts";
import { LANGUAGE_NAMES } from "../format/languages.ts";
import type { HazardProgram, RecordOrigin } from "../protocol/page.ts";
import type { ProgramResult } from "../protocol/record.ts";
import { CodeBlock } from "./CodeBlock.tsx";
import styles from "./Hazard.module.css";

/** The failing or the fixed programs of a hazard, each with its recorded result. */
export function Hazard(props: {
  name: string;
  programs: HazardProgram[];
  recorded: RecordOrigin;
}): ReactNode {
  const { name, programs, recorded } = props;
  return (
    <Tabs groupId="language">
      {programs.map(({ twin, code, result, impossible }) => (
        <TabItem key={twin} value={twin} label={LANGUAGE_NAMES[twin]}>
          {impossible && <p>{impossible}</p>}
          {code.map((block) => (
            <CodeBlock key={block.file} code={block} />
          ))}
          {result && <Result name={name} result={result} recorded={recorded} />}
        </TabItem>
      ))}
    </Tabs>
  );
}

function Result(props: { name: string; result: ProgramResult; recorded: RecordOrigin }): ReactNode {
  const { kind, twin, start, steps, log } = props.result;
  const { at, versions } = props.recorded;
  const title = `Observed: the ${kind} ${LANGUAGE_NAMES[twin]} program of ${props.name}`;
  return (
    <section className={styles.seen} aria-label={title} data-pagefind-ignore>
      <p className={styles.head}>
        <strong>Observed</strong>
        <span>
          <time dateTime={at}>{formatDate(at)}</time>, Orthanc {versions.orthanc},{" "}
          {twin === "python" ? `Python ${versions.python}` : `Node ${versions.node}`}
        </span>
      </p>
      <ol>
        <li>{start}</li>
        {steps.map(({ name, done, seen, milliseconds }) => (
          <li key={name}>
            {name}: <code>{done}</code>
            <span className={styles.outcome}>
              {seen} <span className={styles.time}>{formatDuration(milliseconds)}</span>
            </span>
          </li>
        ))}
        {log.map((line) => (
          <li key={line}>
            In the log: <code>{line}</code>
          </li>
        ))}
      </ol>
    </section>
  );
}
