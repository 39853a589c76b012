/** Reads files of instances from Orthanc, in the main thread. */
import { HTTPException } from "hono/http-exception";
import { Orthanc, OrthancError } from "./client.ts";

// Anything else may lead to another route when it goes into a path.
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

const orthanc = new Orthanc();

// #region read
/** Reads an instance's file. Throws HTTPException, status 404 or 502. */
export async function readFile(id: string): Promise<ArrayBuffer> {
  if (!ORTHANC_ID.test(id))
    throw new HTTPException(404, { message: "no such instance" });
  try {
    return await orthanc.getBytes(`/instances/${id}/file`);
  } catch (error) {
    if (error instanceof OrthancError && error.statusCode === 404)
      throw new HTTPException(404, { message: "no such instance" });
    console.warn(`Orthanc can't read instance ${id}:`, error);
    throw new HTTPException(502, { message: "Orthanc can't read the file" });
  }
}
// #endregion
