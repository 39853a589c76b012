/** Limits of time. */

/**
 * Does something that can be aborted, and aborts it after a time. `AbortSignal.timeout()` within `AbortSignal.any()`
 * would not do: nothing but the combined signal refers to it, so it may be collected before its time is up
 * (nodejs/node issue 57736).
 * @param work is given what it has to listen to
 * @throws what the work throws, such as the signal's reason: TimeoutError after that many milliseconds
 */
export async function withinLimit<Result>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const late = () => {
    const text = `no answer within ${milliseconds / 1000} seconds`;
    limit.abort(new DOMException(text, "TimeoutError"));
  };
  const timer = setTimeout(late, milliseconds);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}
