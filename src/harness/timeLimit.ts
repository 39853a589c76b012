/** Aborts work: after a time, or along with a signal. */

/**
 * Makes a controller that is aborted along with a signal. `AbortSignal.any` is unreliable: in some releases of Node
 * that we support, it misses an abort if nothing else refers to one of its signals (nodejs/node issues 57736, observed
 * on 20, and 65995, observed on 24).
 */
export function controllerFollowing(signal?: AbortSignal): AbortController {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true, signal: controller.signal });
  return controller;
}

/** Some work took longer than its time limit. */
export class TimeLimitError extends Error {
  override name = "TimeLimitError";
}

/**
 * Waits for work that can't be aborted, until a signal is.
 * @throws the signal's reason if it was aborted; whatever the work throws
 */
export async function untilAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
): Promise<Result> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Does some work, and aborts it after a time.
 * @param work receives the signal that aborts it
 * @throws TimeLimitError if it takes longer; the signal's reason if that was aborted; whatever the work throws
 */
export async function withTimeLimit<Result>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener("abort", stop);
  const tooLong = new TimeLimitError(`it takes longer than ${milliseconds / 1000} seconds`);
  const timer = setTimeout(() => limit.abort(tooLong), milliseconds);
  try {
    signal.throwIfAborted();
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
