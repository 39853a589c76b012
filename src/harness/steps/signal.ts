/** Plays a step that sends a signal. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SignalStep } from "../../catalogue/scenario.ts";
import type { Outcome } from "../../protocol/run.ts";
import type { Stage } from "../stage.ts";
import { workers } from "../workers.ts";

/** The pause between two searches for the processes, in milliseconds. */
const INTERVAL = 50;

/** Sends a signal to processes; if an end of Orthanc is expected or excluded, waits for it. */
export async function sendSignal(
  { to, signal, expect }: SignalStep,
  { orthanc, stepLimit, signal: stop }: Stage,
): Promise<Outcome> {
  const pids = {
    Orthanc: () => [orthanc.pid],
    all: () => [-orthanc.pid],
    workers: () => workers(orthanc),
  };
  // On a busy machine, it takes a moment until the worker for a call has started.
  const end = performance.now() + stepLimit;
  let receivers = pids[to]();
  while (receivers.length === 0 && performance.now() < end) {
    await sleep(INTERVAL, undefined, { signal: stop });
    receivers = pids[to]();
  }
  for (const pid of receivers) process.kill(pid, signal);
  if (!expect) return { type: "signalled", processes: receivers.length };
  const seconds = expect.ends ?? expect.runs ?? 0;
  const ended = await Promise.race([
    orthanc.ended.then(() => true),
    sleep(1000 * seconds, false, { ref: false, signal: stop }),
  ]);
  return ended ? { type: "ended" } : { type: "running", seconds };
}
