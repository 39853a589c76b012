import type { ReactNode } from "react";
import { formatDate } from "../format/dates.ts";
import { formatRatio } from "../format/numbers.ts";
import type { Measure, Benchmark as Measured } from "../protocol/benchmark.ts";
import styles from "./Benchmark.module.css";

/** The result of a benchmark: a table for each measure, with a bar in each row. */
export function Benchmark({ benchmark }: { benchmark: Measured }): ReactNode {
  const { measures, rounds, processors, node, measuredAt } = benchmark;
  return (
    <figure className={styles.benchmark}>
      {measures.map((measure) => (
        <Ways key={measure.title} measure={measure} />
      ))}
      <figcaption>
        Median of {rounds}, with the lowest and the highest, measured alternately on{" "}
        <time dateTime={measuredAt}>{formatDate(measuredAt)}</time>: Node {node}, {processors}{" "}
        processors. Read them as ratios: <code>npm run benchmark</code> measures on your machine.
      </figcaption>
    </figure>
  );
}

function Ways({ measure: { title, unit, ways } }: { measure: Measure }): ReactNode {
  const longest = Math.max(...ways.map(({ median }) => median));
  const least = Math.min(...ways.map(({ median }) => median));
  return (
    <table>
      <caption>{title}</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Way</th>
          <th scope="col">Median</th>
        </tr>
      </thead>
      <tbody>
        {ways.map(({ name, median, lowest, highest }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <span className={styles.bar} style={{ width: `${(60 * median) / longest}%` }} />
              <span>
                {median} {unit}
              </span>{" "}
              <span className={styles.quiet}>
                ({lowest} to {highest})
                {median > least && `, ${formatRatio(median / least)} the least`}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
