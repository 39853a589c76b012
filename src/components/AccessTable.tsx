import type { ReactNode } from "react";
import { formatDate } from "../format/dates.ts";
import type { RecordedAccessTable } from "../protocol/record.ts";
import styles from "./AccessTable.module.css";

/** The recorded access table: the requests that each credential opens. */
export function AccessTable({ table }: { table: RecordedAccessTable }): ReactNode {
  const { routes, servers, versions, recordedAt } = table;
  return (
    <table className={styles.access}>
      <caption>
        ✓ let in, ✗ refused. Observed on <time dateTime={recordedAt}>{formatDate(recordedAt)}</time>
        , Orthanc {versions.orthanc} with its Python plugin {versions.plugin}
      </caption>
      <thead>
        <tr>
          <th scope="col">Credentials</th>
          {routes.map(({ title, method, path }) => (
            <th key={title} scope="col">
              {title}
              <code>
                {method} {path}
              </code>
            </th>
          ))}
        </tr>
      </thead>
      {servers.map(({ title, rows }) => (
        <tbody key={title}>
          <tr>
            <th scope="rowgroup" colSpan={routes.length + 1}>
              {title}
            </th>
          </tr>
          {rows.map(({ sent, statuses }) => (
            <tr key={sent}>
              <th scope="row">{sent}</th>
              {statuses.map((status, index) => (
                <Cell key={routes[index]?.title} status={status} />
              ))}
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}

function Cell({ status }: { status: number }): ReactNode {
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
