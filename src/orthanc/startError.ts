/** Orthanc did not start. The message contains the reason and the end of the log. */
export class StartError extends Error {
  override name = "StartError";
}
