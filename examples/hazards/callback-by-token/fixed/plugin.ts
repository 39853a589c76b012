/** Logs after new instances how many there are. GET /count answers with it. */
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const PAUSE = 500; // milliseconds
const orthanc = new Orthanc();
let count = 0;

interface Changes {
  Changes: { ChangeType: string }[];
  Last: number;
  Done: boolean;
}

/** Counts the instances whenever new ones are in Orthanc's list of changes. */
async function follow(): Promise<never> {
  let since = 0;
  let arrived = false;
  for (;;) {
    try {
      const path = `/changes?since=${since}&limit=100`;
      const page: Changes = await orthanc.get(path);
      since = page.Last;
      arrived ||= page.Changes.some((it) => it.ChangeType === "NewInstance");
      if (!page.Done) continue;
      if (arrived) await countInstances();
      arrived = false;
    } catch (error) {
      console.warn("Orthanc is asked again:", error);
    }
    await sleep(PAUSE);
  }
}

async function countInstances(): Promise<void> {
  const statistics = await orthanc.get<{ CountInstances: number }>(
    "/statistics",
  );
  count = statistics.CountInstances;
  console.log(`There are ${count} instances`);
}

const routes = new Hono();

/** Answers with the last number. */
routes.get("/count", (context) => context.text(`${count}\n`));

serve(routes);
follow();
