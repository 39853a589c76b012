/** Serves a patient's name on /patient-names/INSTANCE: each error gets a status and a reason. */
import { createServer, type ServerResponse } from "node:http";
import { Agent, request } from "undici";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const dispatcher = new Agent({
  keepAliveTimeoutThreshold: 100,
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
});

// #region lookup
// An id of Orthanc's. Anything else may lead to another route when it goes into a path.
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

/** Orthanc has refused a request: with which status. */
class OrthancError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`Orthanc has answered with status ${status}`);
    this.status = status;
  }
}

/** Gives the PatientName of an instance, if it has one. Throws OrthancError, or undici's errors. */
async function patientName(instance: string): Promise<string | undefined> {
  const url = `${ORTHANC_URL}/instances/${instance}/simplified-tags`;
  const headers = { authorization: ORTHANC_TOKEN };
  const { statusCode, body } = await request(url, { dispatcher, headers });
  const text = await body.text();
  if (statusCode !== 200) throw new OrthancError(statusCode);
  return (JSON.parse(text) as { PatientName?: string }).PatientName;
}
// #endregion

// #region callback
/** Answers GET /patient-names/INSTANCE. */
const server = createServer(async (incoming, response) => {
  if (incoming.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const [path = ""] = (incoming.url ?? "").split("?");
  const instance = path.split("/")[2] ?? "";
  if (!ORTHANC_ID.test(instance)) {
    sendJson(response, 404, { error: "there is no such instance" });
    return;
  }
  try {
    const name = await patientName(instance);
    if (name !== undefined) sendJson(response, 200, { PatientName: name });
    else sendJson(response, 404, { error: "the instance has no PatientName" });
  } catch (error) {
    if (error instanceof OrthancError && error.status === 404) {
      sendJson(response, 404, { error: "there is no such instance" });
    } else if (error instanceof OrthancError) {
      console.error(`${incoming.url}: ${error.message}`);
      sendJson(response, 502, { error: "Orthanc could not read the instance" });
    } else {
      // What nobody expected: the details are for the log, not for the client.
      console.error(`${incoming.url}:`, error);
      sendJson(response, 500, { error: "the plugin has failed" });
    }
  }
});
// #endregion

/** Answers with a status and a JSON body. */
function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
