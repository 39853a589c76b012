/** Serves GET /computation: a sum that a worker computes once. */
import { Hono } from "hono";
import { WorkerPool } from "./pool.ts";
import { serve } from "./routes.ts";

const COUNT = 1_000_000;
const DEADLINE = 30; // seconds

const file = new URL("./worker.ts", import.meta.url);
const pool = new WorkerPool<number, bigint>(file, { workers: 2 });
// Waits while the program is loading. An error ends the program.
const total = await pool.run(COUNT, { deadline: DEADLINE });

const routes = new Hono();

/** Answers with the sum. */
routes.get("/computation", (context) => context.text(`${total}\n`));

serve(routes);
