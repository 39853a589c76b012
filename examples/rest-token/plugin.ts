/** Serves all instances on /computation: a worker asks Orthanc, by token. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { WorkerPool } from "./pool.ts";
import { serve } from "./routes.ts";
import type { Answer } from "./worker.ts";

const WORKERS = 4;
// A call holds one of Orthanc's 50 HTTP threads, and its worker needs another.
const WAITING = 16;
const DEADLINE = 30; // seconds

// #region token
// The workers are threads of this process, so they share its environment: the
// bridge has put the token there.
const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<undefined, Answer>(file, {
  workers: WORKERS,
  waiting: WAITING,
});
// #endregion

const routes = new Hono();

// #region callback
/** Answers GET /computation. */
routes.get("/computation", async (context) => {
  const answer = await pool.run(undefined, { deadline: DEADLINE });
  if ("error" in answer)
    throw new HTTPException(502, { message: answer.error });
  return context.json(answer.instances);
});
// #endregion

serve(routes);
