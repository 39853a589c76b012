/** Serves GET /report, which asks Orthanc for its statistics. */
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const DEADLINE = 5_000; // milliseconds
const orthanc = new Orthanc();

/** Asks over HTTP, which takes another of Orthanc's HTTP threads. */
async function countInstances(): Promise<number> {
  const statistics = await orthanc.get<{ CountInstances: number }>(
    "/statistics",
    DEADLINE,
  );
  return statistics.CountInstances;
}

const routes = new Hono();

/** Answers with the number of instances, after two seconds of other work. */
routes.get("/report", async (context) => {
  await sleep(2000);
  return context.text(`${await countInstances()} instances\n`);
});

serve(routes);
