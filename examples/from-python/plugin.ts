/** Serves GET /patient-count-new, which is to take the place of /patient-count. */
import { createServer } from "node:http";
import { Agent, request } from "undici";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const dispatcher = new Agent({
  keepAliveTimeoutThreshold: 100,
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
});

/** Answers with the number of patients. */
const server = createServer(async (incoming, response) => {
  if (incoming.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  try {
    const headers = { authorization: ORTHANC_TOKEN };
    const answer = await request(`${ORTHANC_URL}/patients`, { dispatcher, headers });
    const patients = (await answer.body.json()) as string[];
    if (answer.statusCode !== 200) throw new Error(`/patients answers ${answer.statusCode}`);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ patients: patients.length }));
  } catch (error) {
    console.warn("Orthanc has not given the patients:", error);
    response.writeHead(502).end();
  }
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
