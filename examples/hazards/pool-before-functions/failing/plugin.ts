/** Serves GET /computation from a pool of workers. */
import { Hono } from "hono";
import { Piscina } from "piscina";
import { serve } from "./routes.ts";

const file = new URL("./workers.ts", import.meta.url); // but it is worker.ts
const pool = new Piscina({ filename: file.href, minThreads: 2, maxThreads: 2 });
pool.on("error", (error) => console.warn("A worker has failed:", error));

const routes = new Hono();

/** Answers GET /computation?count=N. */
routes.get("/computation", async (context) => {
  const count = Number(context.req.query("count") ?? "1000");
  const total: bigint = await pool.run(count);
  return context.text(`${total}\n`);
});

serve(routes);
