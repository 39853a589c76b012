/** Waits for the first answer of an Orthanc. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { GuardedProcess } from "./guardedProcess.ts";
import type { RestClient } from "./restClient.ts";

/** The time limit for the first answer, in milliseconds. */
const START_LIMIT = 30_000;
/** The pause between two requests, in milliseconds. */
const INTERVAL = 25;

/**
 * Waits until Orthanc answers.
 * @returns false if it has ended, has not answered within 30 seconds, or the signal was aborted
 */
export async function waitUntilReady(
  guarded: Pick<GuardedProcess, "pid" | "ended">,
  client: RestClient,
  signal?: AbortSignal,
): Promise<boolean> {
  if (signal?.aborted) return false;
  const over = new AbortController();
  const no = () => false;
  try {
    return await Promise.race([
      pollUntilAnswered(guarded, client, over.signal),
      guarded.ended.then(no),
      sleep(START_LIMIT, false, { ref: false }),
      ...(signal ? [once(signal, "abort", { signal: over.signal }).then(no, no)] : []),
    ]);
  } finally {
    over.abort();
  }
}

async function pollUntilAnswered(
  guarded: Pick<GuardedProcess, "pid">,
  client: RestClient,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    // Before Orthanc runs, another program may answer on its port.
    const answer = guarded.pid ? await client.request("/system").catch(() => undefined) : undefined;
    if (answer?.ok) return true;
    await sleep(INTERVAL);
  }
  return false;
}
