/** Serves /dicom-summary/{id} and /dicom-dump/{id}: workers parse the files. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { withFile } from "./instances.ts";
import { WorkerPool } from "./pool.ts";
import { serve } from "./routes.ts";
import type { Summary } from "./worker.ts";

const WORKERS = 4;
const DEADLINE = 30; // seconds

const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<ArrayBuffer, unknown>(file, { workers: WORKERS });
const routes = new Hono();

// #region callback
/** Answers with a few attributes of an instance, as JSON. */
routes.get("/dicom-summary/:id", async (context) => {
  const id = context.req.param("id");
  return context.json((await run("summarise", id)) as Summary);
});

/** Answers with all elements of an instance, as text. */
routes.get("/dicom-dump/:id", async (context) => {
  const id = context.req.param("id");
  return context.text((await run("dump", id)) as string);
});

/** Reads an instance's file, and hands its bytes to a worker. */
async function run(name: string, id: string): Promise<unknown> {
  const result = await withFile(id, (file) =>
    pool.run(file, { name, deadline: DEADLINE, transferList: [file] }),
  );
  // A file that can't be parsed has no result: see worker.ts.
  if (result !== undefined) return result;
  throw new HTTPException(422, { message: "the file can't be parsed" });
}
// #endregion

serve(routes);
