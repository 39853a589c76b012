/** Serves the list of all instances on /computation, by the token that the bridge has made. */
import { createServer } from "node:http";
import { Agent, request } from "undici";

// #region token
// Made once, when Orthanc loaded the bridge.
const { ORTHANC_TOKEN, ORTHANC_URL } = process.env;

const dispatcher = new Agent({
  keepAliveTimeoutThreshold: 100,
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
});

/** Asks Orthanc for all instances. Throws where it does not answer with 200. */
async function listInstances(): Promise<string> {
  const headers = { authorization: ORTHANC_TOKEN };
  const answer = await request(`${ORTHANC_URL}/instances`, { dispatcher, headers });
  if (answer.statusCode !== 200) throw new Error(`Orthanc answers ${answer.statusCode}`);
  return answer.body.text();
}
// #endregion

const server = createServer(async (_request, response) => {
  try {
    const list = await listInstances();
    response.writeHead(200, { "content-type": "application/json" }).end(list);
  } catch (error) {
    console.warn("Orthanc gives no list:", error);
    response.writeHead(502).end();
  }
});

server.listen(process.env.ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
