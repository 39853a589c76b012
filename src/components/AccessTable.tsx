import type { ReactNode } from "react";
import { formatDate } from "../format/dates.ts";
import type { RecordedScenario } from "../protocol/record.ts";
import type { StepRun } from "../protocol/run.ts";
import styles from "./AccessTable.module.css";

/** The recorded access table: the requests that each credential opens. */
export function AccessTable({ record }: { record: RecordedScenario }): ReactNode {
  const { runs, versions, recordedAt } = record;
  const servers = runs.map(({ program, steps }) => ({ program, rows: groupRows(steps) }));
  const [columns = []] = servers.flatMap(({ rows }) => [...rows.values()]);
  return (
    <table className={styles.access}>
      <caption>
        ✓ let in, ✗ refused. Observed on <time dateTime={recordedAt}>{formatDate(recordedAt)}</time>
        , Orthanc {versions.orthanc} with its Python plugin {versions.plugin}
      </caption>
      <thead>
        <tr>
          <th scope="col">Credentials</th>
          {columns.map(({ name, action }) => (
            <th key={name} scope="col">
              {name}
              <code>{action}</code>
            </th>
          ))}
        </tr>
      </thead>
      {servers.map(({ program, rows }) => (
        <tbody key={program}>
          <tr>
            <th scope="rowgroup" colSpan={columns.length + 1}>
              {program}
            </th>
          </tr>
          {[...rows].map(([credential, steps]) => (
            <tr key={credential}>
              <th scope="row">{credential}</th>
              {steps.map(({ name, calls: [call] }) => (
                <Cell key={name} status={call?.status} />
              ))}
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}

/** Groups the requests of an Orthanc by their credentials: the rows of the table. */
function groupRows(steps: StepRun[]): Map<string, StepRun[]> {
  const rows = new Map<string, StepRun[]>();
  for (const step of steps) {
    if (step.credential === undefined) continue;
    rows.set(step.credential, [...(rows.get(step.credential) ?? []), step]);
  }
  return rows;
}

/** @param props.status undefined if the request was not sent */
function Cell({ status }: { status: number | undefined }): ReactNode {
  if (status === undefined) return <td>not tried</td>;
  const passed = status < 400;
  return (
    <td className={passed ? styles.passed : styles.refused}>
      <span aria-label={passed ? "let in" : "refused"} role="img">
        {passed ? "✓" : "✗"}
      </span>{" "}
      {status}
    </td>
  );
}
