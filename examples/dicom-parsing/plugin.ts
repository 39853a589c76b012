/** Serves a summary of an instance on /dicom-summary/{id}, parsed by a worker. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { Orthanc, OrthancError } from "./client.ts";
import { WorkerPool } from "./pool.ts";
import { serve } from "./routes.ts";
import type { Summary } from "./worker.ts";

const WORKERS = 4;
const WAITING = 16; // calls that may wait for a worker
const DEADLINE = 30; // seconds
// Anything else may lead to another route when it goes into a path.
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

const orthanc = new Orthanc();
const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<ArrayBuffer, Summary | undefined>(file, {
  workers: WORKERS,
  waiting: WAITING,
});
const routes = new Hono();

// #region callback
/** Summarises an instance: the main thread reads its file, a worker parses it. */
routes.get("/dicom-summary/:id", async (context) => {
  const id = context.req.param("id");
  if (!ORTHANC_ID.test(id))
    throw new HTTPException(404, { message: "no such instance" });
  const file = await readFile(id);
  const summary = await pool.run(file, {
    deadline: DEADLINE,
    transferList: [file],
  });
  if (!summary)
    throw new HTTPException(422, { message: "the file can't be parsed" });
  return context.json(summary);
});

async function readFile(id: string): Promise<ArrayBuffer> {
  try {
    return await orthanc.getBytes(`/instances/${id}/file`);
  } catch (error) {
    if (error instanceof OrthancError && error.statusCode === 404)
      throw new HTTPException(404, { message: "no such instance" });
    console.warn(`Orthanc can't read instance ${id}:`, error);
    throw new HTTPException(502, { message: "Orthanc can't read the file" });
  }
}
// #endregion

serve(routes);
