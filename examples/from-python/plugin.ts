/** Serves GET /patient-count-new, which is to replace /patient-count. */
import { Hono } from "hono";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const orthanc = new Orthanc();
const routes = new Hono();

/** Answers with the number of patients. */
routes.get("/patient-count-new", async (context) => {
  const patients = await orthanc.get<string[]>("/patients", 10_000);
  return context.json({ patients: patients.length });
});

serve(routes);
