/** Reads the tags of each new instance; GET /change-listener reports them. */
import { Hono } from "hono";
import { DEADLINE, follow } from "./changes.ts";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const KEPT = 100; // instances that are remembered
const orthanc = new Orthanc();

// #region state
const state = { listening: false, handled: 0, missed: 0 };
const last = new Map<string, { patient: string; modality: string }>();

/** Remembers what an instance is. */
async function handle(id: string): Promise<void> {
  const tags = await orthanc.get<{ PatientID?: string; Modality?: string }>(
    `/instances/${id}/simplified-tags`,
    DEADLINE,
  );
  const { PatientID: patient = "", Modality: modality = "" } = tags;
  last.set(id, { patient, modality });
  for (const old of [...last.keys()].slice(0, -KEPT)) last.delete(old);
  state.handled += 1;
}

/** Counts and logs an instance that is not handled. */
function miss(id: string, error: unknown): void {
  state.missed += 1;
  console.warn(`Instance ${id} is not handled: ${error}`);
}
// #endregion

// #region callback
function start(): void {
  state.listening = true;
}

const routes = new Hono();
routes.get("/change-listener", (context) =>
  context.json({ ...state, last: Object.fromEntries(last) }),
);

serve(routes);
follow(orthanc, { start, handle, miss });
// #endregion
