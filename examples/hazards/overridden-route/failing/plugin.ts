/** Takes over GET /statistics, to add the name of this Orthanc to it. */
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 10; // seconds

/** Asks Orthanc's REST API. Throws where it does not answer, or with an error. */
async function ask(path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(ORTHANC_URL + path, {
    headers: { authorization: ORTHANC_TOKEN as string },
    signal: AbortSignal.timeout(DEADLINE * 1000),
  });
  if (!answer.ok)
    throw new Error(`${path} answers with status ${answer.status}`);
  return answer.json() as Promise<Record<string, unknown>>;
}

/** Answers GET /statistics. */
const server = createServer(async (request, response) => {
  try {
    const statistics = await ask("/statistics");
    const { Name } = await ask("/system");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ ...statistics, Name }));
  } catch (error) {
    console.warn(`${request.url} has failed:`, error);
    response.writeHead(503).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
