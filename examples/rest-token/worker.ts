import { Agent, request } from "undici";

const { ORTHANC_URL, ORTHANC_TOKEN } = process.env;

// #region worker
// Orthanc offers to keep a connection for 1 s. Undici takes off 2 s for safety, unless told otherwise,
// and would open a new connection for each call.
const dispatcher = new Agent({
  keepAliveTimeoutThreshold: 100,
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
});

/** Orthanc's status, and where it is 200 the ids of all instances, sorted. */
export interface Answer {
  status: number;
  instances: string[];
}

/** Asks Orthanc for all instances. Undefined where it can't be reached. */
export default async function listInstances(): Promise<Answer | undefined> {
  try {
    const headers = { authorization: ORTHANC_TOKEN };
    const answer = await request(`${ORTHANC_URL}/instances`, { dispatcher, headers });
    const text = await answer.body.text();
    const instances = answer.statusCode === 200 ? (JSON.parse(text) as string[]).sort() : [];
    return { status: answer.statusCode, instances };
  } catch (error) {
    console.warn("A worker can't reach Orthanc:", error);
  }
}
// #endregion
