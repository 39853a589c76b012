/** Serves a computation on /computation from piscina's pool of threads. */
import { Hono } from "hono";
import { Piscina } from "piscina";
import { serve } from "./routes.ts";

const WORKERS = 4;
const COUNT = 30_000_000;

// #region pool
const pool = new Piscina<number, [bigint, number]>({
  filename: new URL("./worker.ts", import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
});
// #endregion

const routes = new Hono();

// #region callback
/** Awaits a worker, without a deadline. The event loop stays free. */
routes.get("/computation", async (context) => {
  const [total, seconds] = await pool.run(COUNT);
  return context.text(`${total}, computed for ${seconds.toFixed(3)} seconds\n`);
});
// #endregion

serve(routes);
