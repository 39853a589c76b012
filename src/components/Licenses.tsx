import type { ReactNode } from "react";
import type { Licensed } from "../protocol/page.ts";
import styles from "./Licenses.module.css";

/** A table of packages with their licenses, followed by the text of each license. */
export function Licenses({ packages }: { packages: Licensed[] }): ReactNode {
  return (
    <div data-pagefind-ignore>
      <table className={styles.licenses}>
        <thead>
          <tr>
            <th scope="col">Package</th>
            <th scope="col">Version</th>
            <th scope="col">License</th>
          </tr>
        </thead>
        <tbody>
          {packages.map(({ name, version, license }) => (
            <tr key={name + version}>
              <th scope="row">{name}</th>
              <td>{version}</td>
              <td>{license}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>The texts of these licenses:</p>
      {[...namesByText(packages)].map(([text, names]) => (
        <details key={names[0]} className={styles.text}>
          <summary>{names.join(", ")}</summary>
          <pre>{text}</pre>
        </details>
      ))}
    </div>
  );
}

/** Groups packages by the text of their license: many packages of an author share one. */
function namesByText(packages: Licensed[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { name, text } of packages) names.set(text, [...(names.get(text) ?? []), name]);
  return names;
}
