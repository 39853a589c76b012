/** Serves a patient's name on /patient-names/{id}, or a status and a reason. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { Orthanc, OrthancError } from "./client.ts";
import { serve } from "./routes.ts";

const orthanc = new Orthanc();

// #region lookup
// Anything else may lead to another route when it goes into a path.
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

/** The PatientName of an instance, if any. Throws OrthancError and others. */
async function patientName(instance: string): Promise<string | undefined> {
  const path = `/instances/${instance}/simplified-tags`;
  const tags = await orthanc.get<{ PatientName?: string }>(path);
  return tags.PatientName;
}
// #endregion

const routes = new Hono();

// #region callback
/** Answers with the name. What is not caught here is answered with 500. */
routes.get("/patient-names/:instance", async (context) => {
  const instance = context.req.param("instance");
  if (!ORTHANC_ID.test(instance))
    throw new HTTPException(404, { message: "no such instance" });
  const name = await patientName(instance).catch((error) => {
    if (!(error instanceof OrthancError)) throw error;
    if (error.statusCode === 404)
      throw new HTTPException(404, { message: "no such instance" });
    console.error(`Orthanc can't read instance ${instance}:`, error);
    throw new HTTPException(502, {
      message: "Orthanc can't read the instance",
    });
  });
  if (name === undefined)
    throw new HTTPException(404, {
      message: "the instance has no PatientName",
    });
  return context.json({ PatientName: name });
});
// #endregion

serve(routes);
