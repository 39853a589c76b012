/** Orthanc did not start. The message contains the reason and the end of the log. */
export class StartError extends Error {
  override name = "StartError";
}

/** Orthanc has not ended while it started, but did not answer within its time limit either. */
export class LateStartError extends StartError {
  override name = "LateStartError";
  /** The time limit. */
  readonly seconds: number;

  constructor(message: string, seconds: number) {
    super(message);
    this.seconds = seconds;
  }
}
