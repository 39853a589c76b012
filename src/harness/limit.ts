/**
 * Limits of time, and aborts from several sides. `AbortSignal.any` can't be relied on: under some releases of Node
 * that we support, it loses an abort if one of its signals is only referred to by it, such as one of
 * `AbortSignal.timeout` (nodejs/node issues 57736, seen on 20, and 65995, seen on 24).
 */

/** A controller that is aborted along with a signal. */
export function abortedWith(signal?: AbortSignal): AbortController {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
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
  const over = new AbortController();
  const stop = () => over.abort(signal.reason);
  signal.addEventListener("abort", stop);
  const tooLong = new Error(`it takes longer than ${milliseconds / 1000} seconds`);
  const timer = setTimeout(() => over.abort(tooLong), milliseconds);
  try {
    signal.throwIfAborted();
    return await work(over.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
