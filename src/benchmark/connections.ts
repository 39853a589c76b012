/** Requests to a live Orthanc: each over a new connection, and all over one that is kept. */
import { Agent, request } from "undici";
import { basicAuthorization } from "../orthanc/restClient.ts";
import { startOrthanc } from "../orthanc/server.ts";
import type { Measure } from "../protocol/benchmark.ts";
import { compareWays } from "./benchmark.ts";

const REQUESTS = 300;

/**
 * Measures the time of a request in several rounds.
 * @throws StartError, InstallationError
 */
export async function measureConnections(rounds: number): Promise<Measure[]> {
  const orthanc = await startOrthanc();
  const agents = [new Agent(), new Agent({ keepAliveTimeoutThreshold: 100 })] as const;
  const authorization = basicAuthorization(orthanc.user, orthanc.password);
  const average = async (dispatcher: Agent) => {
    const started = performance.now();
    for (let count = 0; count < REQUESTS; count++) {
      const headers = { authorization };
      const { statusCode, body } = await request(`${orthanc.url}/system`, { dispatcher, headers });
      await body.dump();
      if (statusCode !== 200) throw new Error(`Orthanc has answered with status ${statusCode}.`);
    }
    return (performance.now() - started) / REQUESTS;
  };
  try {
    return [
      await compareWays("One request to Orthanc, of 300 one after another", "ms", rounds, {
        "As undici comes, a connection for each": () => average(agents[0]),
        "With keepAliveTimeoutThreshold, one connection": () => average(agents[1]),
      }),
    ];
  } finally {
    await Promise.all(agents.map((agent) => agent.destroy()));
    await orthanc.stop();
  }
}
