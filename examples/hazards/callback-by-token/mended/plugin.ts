/** Logs, when instances have arrived, how many Orthanc has. GET /count gives the last number. */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 10; // seconds
let count = 0;

/** Asks Orthanc, by token. Throws where it does not answer with 200. */
async function ask<Answer>(path: string): Promise<Answer> {
  const headers = { authorization: ORTHANC_TOKEN ?? "" };
  const signal = AbortSignal.timeout(DEADLINE * 1000);
  const answer = await fetch(`${ORTHANC_URL}${path}`, { headers, signal });
  if (!answer.ok) throw new Error(`Orthanc answers ${answer.status}`);
  return (await answer.json()) as Answer;
}

interface Changes {
  Changes: { ChangeType: string }[];
  Last: number;
  Done: boolean;
}

/** Follows Orthanc's changes for ever, and counts whenever new instances are among them. */
async function follow(): Promise<void> {
  let since = 0;
  let arrived = false;
  for (;;) {
    try {
      const { Changes, Last, Done } = await ask<Changes>(
        `/changes?since=${since}&limit=100`,
      );
      since = Last;
      arrived ||= Changes.some(
        ({ ChangeType }) => ChangeType === "NewInstance",
      );
      if (!Done) continue;
      if (arrived)
        count = (await ask<{ CountInstances: number }>("/statistics"))
          .CountInstances;
      if (arrived) console.log(`Instances have arrived, there are ${count}`);
      arrived = false;
      await sleep(500);
    } catch (error) {
      console.warn("Orthanc can't be asked:", error);
      await sleep(2000);
    }
  }
}

follow();

const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/plain" }).end(`${count}\n`);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
