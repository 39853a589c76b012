/** Serves GET /report, which asks GET /count of the same plugin. */
import { Hono } from "hono";
import { serve } from "./routes.ts";

const DEADLINE = 10_000; // milliseconds

// Not by client.ts: all of its connections might wait for /count, which needs
// another one.
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

/** Answers with the number of instances. */
routes.get("/count", async (context) => {
  const instances = await ask<string[]>("/instances");
  return context.text(String(instances.length));
});

/** Answers with a sentence. */
routes.get("/report", async (context) => {
  const count = await ask<number>("/count");
  return context.text(`There are ${count} instances.\n`);
});

serve(routes);
