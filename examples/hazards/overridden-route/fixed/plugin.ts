/** Serves GET /named-statistics: Orthanc's own statistics, and its name. */
import { Hono } from "hono";
import { serve } from "./routes.ts";

const DEADLINE = 10_000; // milliseconds

/** Asks Orthanc, over HTTP. Throws if it refuses, or takes too long. */
async function ask<Json>(path: string): Promise<Json> {
  const url = process.env.ORTHANC_URL + path;
  const headers = { authorization: process.env.ORTHANC_TOKEN ?? "" };
  const signal = AbortSignal.timeout(DEADLINE);
  const answer = await fetch(url, { headers, signal });
  if (!answer.ok) throw new Error(`${path} has status ${answer.status}`);
  return answer.json() as Promise<Json>;
}

const routes = new Hono();

routes.get("/named-statistics", async (context) => {
  const statistics = await ask<Record<string, unknown>>("/statistics");
  const { Name } = await ask<{ Name: string }>("/system");
  return context.json({ ...statistics, Name });
});

serve(routes);
