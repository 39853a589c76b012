import TabItem from "@theme/TabItem";
import Tabs from "@theme/Tabs";
import type { ReactNode } from "react";
import type { SeenProgram } from "../harness/provoke.ts";
import type { Versions } from "../harness/run.ts";
import type { Code } from "../remark/code.ts";
import { CodeBlock } from "./CodeBlock.tsx";
import styles from "./Hazard.module.css";
import { dates } from "./RecordedRun.tsx";
import { LANGUAGES, seconds } from "./Transcript.tsx";

interface Program {
  twin: "python" | "typescript";
  code: Code[];
  seen?: SeenProgram;
  impossible?: string;
}

/** The failing or the mended programs of a hazard, each with what was seen of it. */
export function Hazard(props: {
  name: string;
  programs: Program[];
  recorded: { at: string; versions: Versions };
}): ReactNode {
  const { name, programs, recorded } = props;
  return (
    <Tabs groupId="language">
      {programs.map(({ twin, code, seen, impossible }) => (
        <TabItem key={twin} value={twin} label={LANGUAGES[twin]}>
          {impossible && <p>{impossible}</p>}
          {code.map((block) => (
            <CodeBlock key={block.file} code={block} />
          ))}
          {seen && <Seen name={name} seen={seen} recorded={recorded} />}
        </TabItem>
      ))}
    </Tabs>
  );
}

function Seen(props: {
  name: string;
  seen: SeenProgram;
  recorded: { at: string; versions: Versions };
}): ReactNode {
  const { kind, twin, start, steps, log } = props.seen;
  const { at, versions } = props.recorded;
  const title = `What was seen of ${props.name}, the ${kind} ${LANGUAGES[twin]} program`;
  return (
    <section className={styles.seen} aria-label={title} data-pagefind-ignore>
      <p className={styles.head}>
        <strong>Seen</strong>
        <span>
          <time dateTime={at}>{dates.format(new Date(at))}</time>, Orthanc {versions.orthanc},{" "}
          {twin === "python" ? `Python ${versions.python}` : `Node ${versions.node}`}
        </span>
      </p>
      <ol>
        <li>{start}</li>
        {steps.map(({ name, done, seen, milliseconds }) => (
          <li key={name}>
            {name}: <code>{done}</code>
            <span className={styles.outcome}>
              {seen} <span className={styles.time}>{seconds(milliseconds)}</span>
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
