import { Orthanc, OrthancError } from "./client.ts";

// #region worker
// The bridge has put Orthanc's address and a token into the environment.
const orthanc = new Orthanc();

/** The ids of all instances, sorted, or why there are none. */
export type Answer = { instances: string[] } | { error: string };

/** Asks Orthanc for all instances; its connection stays open between calls. */
export default async function listInstances(): Promise<Answer> {
  try {
    const instances = await orthanc.get<string[]>("/instances", 10_000);
    return { instances: instances.sort() };
  } catch (error) {
    if (error instanceof OrthancError) {
      const { statusCode } = error;
      return { error: `Orthanc answered the worker with status ${statusCode}` };
    }
    console.warn("A worker can't reach Orthanc:", error);
    return { error: "the worker can't reach Orthanc" };
  }
}
// #endregion
