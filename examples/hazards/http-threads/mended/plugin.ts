/** Serves GET /report, which asks Orthanc for its statistics over HTTP. */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const headers = { authorization: ORTHANC_TOKEN };

/** Asks this Orthanc's REST API. */
async function countInstances(): Promise<number> {
  const signal = AbortSignal.timeout(5000);
  const answer = await fetch(`${ORTHANC_URL}/statistics`, { headers, signal });
  if (!answer.ok)
    throw new Error(`Orthanc answers with status ${answer.status}`);
  return ((await answer.json()) as { CountInstances: number }).CountInstances;
}

/** Answers with the number of instances, after two seconds of other work. */
const server = createServer(async (_request, response) => {
  try {
    await sleep(2000);
    const count = await countInstances();
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(`${count} instances\n`);
  } catch (error) {
    console.warn("There are no statistics:", error);
    response.writeHead(500).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
