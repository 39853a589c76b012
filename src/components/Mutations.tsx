import type { ReactNode } from "react";
import type { MutationRow } from "../protocol/page.ts";
import styles from "./Mutations.module.css";

/** The table of programs that are broken on purpose, with the check that notices each. */
export function Mutations({ rows }: { rows: MutationRow[] }): ReactNode {
  return (
    <table className={styles.mutations}>
      <thead>
        <tr>
          <th scope="col">What is broken</th>
          <th scope="col">Noticed by</th>
          <th scope="col">What it reports</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ what, program, caughtBy, report }) => (
          <tr key={what}>
            <th scope="row">
              {what} <code>{program}</code>
            </th>
            <td>{caughtBy}</td>
            <td>… {report} …</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
