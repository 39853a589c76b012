/** Counts every second what Orthanc has stored, for GET /scheduled-task. */
import { Hono } from "hono";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const PERIOD = 1; // seconds from the end of one run to the start of the next
const DEADLINE = 10_000; // milliseconds
const orthanc = new Orthanc();
const state = {
  runs: 0,
  failures: 0,
  error: null as string | null,
  studies: null as number | null,
  instances: null as number | null,
};

// #region task
type Statistics = { CountStudies: number; CountInstances: number };

/** Counts what Orthanc has stored. Throws OrthancError and others. */
async function count(): Promise<{ studies: number; instances: number }> {
  const found = await orthanc.get<Statistics>("/statistics", DEADLINE);
  return { studies: found.CountStudies, instances: found.CountInstances };
}

/** Runs the task once. An exception must not end the schedule. */
async function run(): Promise<void> {
  try {
    Object.assign(state, await count(), { error: null });
  } catch (error) {
    // Only the first in a row fills the log.
    if (!state.error) console.warn("The task has failed:", error);
    state.failures += 1;
    state.error = "the last run has failed";
  }
  state.runs += 1;
}
// #endregion

// #region schedule
/** Starts a timer for the next run. It ends with Node and Orthanc. */
function arm(): void {
  setTimeout(() => run().then(arm), 1000 * PERIOD).unref();
}

/** Arms the timer when Orthanc answers: Node starts before Orthanc listens. */
function armWhenStarted(): void {
  orthanc
    .get("/system")
    .then(arm, () => setTimeout(armWhenStarted, 100).unref());
}
// #endregion

// #region callback
const routes = new Hono();
routes.get("/scheduled-task", (context) => context.json(state));

serve(routes);
armWhenStarted();
// #endregion
