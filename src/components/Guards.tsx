import type { ReactNode } from "react";
import assets from "../checks/security.json";
import styles from "./Guards.module.css";

/** A table of the threats to an asset, the guards against them, and the tests that prove them: from `security.json`. */
export function Guards({ of }: { of: string }): ReactNode {
  const asset = assets.find(({ id }) => id === of);
  if (!asset) throw new Error(`src/checks/security.json has no asset "${of}".`);
  return (
    <table className={styles.guards}>
      <thead>
        <tr>
          <th scope="col">Against what</th>
          <th scope="col">By what, and the tests that show it</th>
        </tr>
      </thead>
      <tbody>
        {asset.threats.map(({ from, guard, tests }) => (
          <tr key={from}>
            <th scope="row">{from}</th>
            <td>
              {guard}
              <ul data-pagefind-ignore>
                {tests.map(({ file, title }) => (
                  <li key={file + title}>
                    <code>{file}</code>: {withoutPlaceholders(title)}
                  </li>
                ))}
              </ul>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Removes the placeholders of a repeated test from its title. */
function withoutPlaceholders(title: string): string {
  return title.replace(/(%s|\$twin): /, "").replace(/%s|\$\w+/g, "…");
}
