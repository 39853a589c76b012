/** Serves GET /computation from a pool of workers. */
import { Hono } from "hono";
import { WorkerPool } from "./pool.ts";
import { serve } from "./routes.ts";

const DEADLINE = 30; // seconds

const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<number, bigint>(file, { workers: 2 });

const routes = new Hono();

/** Answers GET /computation?count=N. */
routes.get("/computation", async (context) => {
  const count = Number(context.req.query("count") ?? "1000");
  const total = await pool.run(count, { deadline: DEADLINE });
  return context.text(`${total}\n`);
});

serve(routes);
