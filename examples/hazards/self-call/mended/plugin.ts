/** Serves GET /report, which asks another route of this plugin, GET /count, through Orthanc. */
import { createServer } from "node:http";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 10; // seconds

/** Asks Orthanc's REST API. Throws where it does not answer, or with an error. */
async function ask(path: string): Promise<Response> {
  const answer = await fetch(ORTHANC_URL + path, {
    headers: { authorization: ORTHANC_TOKEN as string },
    signal: AbortSignal.timeout(DEADLINE * 1000),
  });
  if (!answer.ok)
    throw new Error(`${path} answers with status ${answer.status}`);
  return answer;
}

/** The text of /count and of /report, which needs /count. */
async function textOf(path: string): Promise<string> {
  if (path === "/report")
    return `There are ${await (await ask("/count")).text()} instances.\n`;
  const instances = (await (await ask("/instances")).json()) as string[];
  return String(instances.length);
}

const server = createServer(async (request, response) => {
  try {
    const [path = ""] = (request.url ?? "").split("?");
    const text = await textOf(path);
    response.writeHead(200, { "content-type": "text/plain" }).end(text);
  } catch (error) {
    console.warn(`${request.url} has failed:`, error);
    response.writeHead(503).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
