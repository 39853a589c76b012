import type { ReactNode } from "react";
import type { RecordedAccess } from "../harness/access.ts";
import styles from "./Access.module.css";
import { dates } from "./RecordedRun.tsx";

/** The table of what a token opens: who was let in by what, as recorded. */
export function Access({ table }: { table: RecordedAccess }): ReactNode {
  const { routes, servers, versions, recordedAt } = table;
  return (
    <table className={styles.access}>
      <caption>
        ✓ let in, ✗ refused. Seen on{" "}
        <time dateTime={recordedAt}>{dates.format(new Date(recordedAt))}</time>, Orthanc{" "}
        {versions.orthanc} with its Python plugin {versions.plugin}
      </caption>
      <thead>
        <tr>
          <th scope="col">Sent</th>
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
