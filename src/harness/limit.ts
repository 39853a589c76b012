/** Limits of time, and ends from outside. */

/**
 * A controller that is aborted along with a signal. `AbortSignal.any` can't be relied on: under some releases of Node
 * that we support, it loses an abort if one of its signals is only referred to by it (nodejs/node issues 57736, seen
 * on 20, and 65995, seen on 24).
 */
export function abortedWith(signal?: AbortSignal): AbortController {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true, signal: controller.signal });
  return controller;
}

/**
 * Does something that can be aborted, and aborts it after a time.
 * @param work is given what it has to listen to
 * @throws what the work throws, such as the signal's reason, or that it took longer than that many milliseconds
 */
export async function withinLimit<Result>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener("abort", stop);
  const tooLong = new Error(`it takes longer than ${milliseconds / 1000} seconds`);
  const timer = setTimeout(() => limit.abort(tooLong), milliseconds);
  try {
    signal.throwIfAborted();
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
