/** How computations end: what clients get to know, and what goes to the log. */
import { PoolError } from "./pool.ts";

// #region outcome
export interface Outcome {
  state: "running" | "done" | "failed" | "cancelled";
  /** The reason if it has failed. */
  error: string | null;
}

/** The outcome of a computation that has thrown an error. */
export function outcome(id: string, error: unknown): Outcome {
  if ((error as Error).name === "AbortError")
    return { state: "cancelled", error: null };
  if (error instanceof PoolError)
    return { state: "failed", error: error.message };
  // An error of the program: its details may hold patients' data.
  console.error(`Computation ${id} has failed:`, error);
  return { state: "failed", error: "the computation has failed" };
}
// #endregion
