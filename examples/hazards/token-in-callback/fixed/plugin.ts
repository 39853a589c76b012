/** Serves all instances on /computation. */
import { Hono } from "hono";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const DEADLINE = 10_000; // milliseconds

// It uses the token that the bridge made while Orthanc was starting.
const orthanc = new Orthanc();

const routes = new Hono();

/** Answers with the list. */
routes.get("/computation", async (context) =>
  context.json(await orthanc.get<string[]>("/instances", DEADLINE)),
);

serve(routes);
