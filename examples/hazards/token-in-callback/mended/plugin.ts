/** Serves the list of all instances on /computation, by the token that the bridge has made. */
import { createServer } from "node:http";

// Made once, when Orthanc loaded the bridge.
const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );

const DEADLINE = 10; // seconds

/** Asks Orthanc for all instances. Throws where it does not answer with 200. */
async function listInstances(): Promise<string> {
  const headers = { authorization: ORTHANC_TOKEN ?? "" };
  const signal = AbortSignal.timeout(DEADLINE * 1000);
  const answer = await fetch(`${ORTHANC_URL}/instances`, { headers, signal });
  if (!answer.ok) throw new Error(`Orthanc answers ${answer.status}`);
  return answer.text();
}

const server = createServer(async (_request, response) => {
  try {
    const list = await listInstances();
    response.writeHead(200, { "content-type": "application/json" }).end(list);
  } catch (error) {
    console.warn("Orthanc gives no list:", error);
    response.writeHead(502).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
