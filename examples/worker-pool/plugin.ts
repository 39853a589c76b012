/** Serves a computation on /computation from a pool of worker threads. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { WorkerPool } from "./pool.ts";
import { serve } from "./routes.ts";

const WORKERS = 4;
const WAITING = 16; // calls that may wait for a worker
const DEADLINE = 30; // seconds
const COUNT = "30000000";

// #region pool
const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<number, [bigint, number]>(file, {
  workers: WORKERS,
  waiting: WAITING,
});
// #endregion

const routes = new Hono();

// #region callback
routes.get("/computation", async (context) => {
  const count = context.req.query("count") ?? COUNT;
  if (!/^[0-9]{1,15}$/.test(count))
    throw new HTTPException(400, {
      message: "count must be a whole number below 10^15",
    });
  const [total, seconds] = await pool.run(Number(count), {
    deadline: DEADLINE,
  });
  return context.text(`${total}, computed for ${seconds.toFixed(3)} seconds\n`);
});
// #endregion

serve(routes);
