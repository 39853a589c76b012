/** Waits for the first answer of an Orthanc. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { GuardedProcess } from "./guardedProcess.ts";
import type { RestClient } from "./restClient.ts";

/** The pause between two requests, in milliseconds. */
const INTERVAL = 25;

/**
 * Waits until Orthanc answers.
 * @param limit the time limit for the first answer, in milliseconds
 * @returns `not ready` if Orthanc has ended or the signal was aborted; `late` if it has not answered in time
 */
export async function waitUntilReady(
  guarded: Pick<GuardedProcess, "pid" | "ended">,
  client: RestClient,
  limit: number,
  signal?: AbortSignal,
): Promise<"ready" | "not ready" | "late"> {
  if (signal?.aborted) return "not ready";
  const over = new AbortController();
  const no = () => "not ready" as const;
  try {
    return await Promise.race([
      pollUntilAnswered(guarded, client, over.signal),
      guarded.ended.then(no),
      sleep(limit, "late" as const, { ref: false }),
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
): Promise<"ready" | "not ready"> {
  while (!signal.aborted) {
    // Before Orthanc runs, another program may answer on its port.
    const answer = guarded.pid ? await client.request("/system").catch(() => undefined) : undefined;
    if (answer?.ok) return "ready";
    await sleep(INTERVAL);
  }
  return "not ready";
}
