/** Reads files of instances from Orthanc, in the main thread. */
import { HTTPException } from "hono/http-exception";
import { Orthanc, OrthancError } from "./client.ts";

// Anything else may lead to another route when it goes into a path.
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;
const SIZE = 100_000_000; // bytes of a file
const FILES = 8; // in memory at once: with their workers, or waiting for one

const orthanc = new Orthanc();
let files = 0;

// #region read
/** Holds an instance's file in memory. Throws HTTPException, or as `use`. */
export async function withFile<Result>(
  id: string,
  use: (file: ArrayBuffer) => Promise<Result>,
): Promise<Result> {
  if (!ORTHANC_ID.test(id))
    throw new HTTPException(404, { message: "no such instance" });
  if (files === FILES)
    throw new HTTPException(503, { message: "too many files are in memory" });
  files += 1;
  try {
    return await use(await read(id));
  } finally {
    files -= 1;
  }
}

/** Reads a file. Throws HTTPException, status 404, 413 or 502. */
async function read(id: string): Promise<ArrayBuffer> {
  try {
    // Its size is asked for first: a file can be larger than the memory.
    const path = `/instances/${id}/attachments/dicom/size`;
    if ((await orthanc.get<number>(path)) <= SIZE)
      return await orthanc.getBytes(`/instances/${id}/file`);
  } catch (error) {
    if (error instanceof OrthancError && error.statusCode === 404)
      throw new HTTPException(404, { message: "no such instance" });
    console.warn(`Orthanc can't read instance ${id}:`, error);
    throw new HTTPException(502, { message: "Orthanc can't read the file" });
  }
  const message = `the file has more than ${SIZE} bytes`;
  throw new HTTPException(413, { message });
}
// #endregion
