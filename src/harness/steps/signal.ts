/** Plays a step that sends a signal. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SignalStep } from "../../catalogue/scenario.ts";
import type { Outcome } from "../../protocol/run.ts";
import type { Stage } from "../stage.ts";
import { workers } from "../workers.ts";

/** The time limit for the search for the processes, in milliseconds. */
const SEARCH_LIMIT = 10_000;
/** The pause between two searches for the processes, in milliseconds. */
const INTERVAL = 50;

/** Sends a signal to processes; if an end of Orthanc is expected or excluded, waits for it. */
export async function sendSignal(
  { to, signal, expect }: SignalStep,
  { orthanc, signal: stop }: Stage,
): Promise<Outcome> {
  const pids = {
    Orthanc: () => [orthanc.pid],
    all: () => [-orthanc.pid],
    workers: () => workers(orthanc),
  };
  let over = false;
  const noteEnd = () => {
    over = true;
  };
  orthanc.ended.then(noteEnd, noteEnd);
  // While Orthanc is started again, it has no process: 0 would stand for this one.
  const find = () => (orthanc.pid === 0 || over ? [] : pids[to]());
  // On a busy machine, it takes a moment until the worker for a call has started.
  const end = performance.now() + SEARCH_LIMIT;
  let receivers = find();
  while (receivers.length === 0 && !over && performance.now() < end) {
    await sleep(INTERVAL, undefined, { signal: stop });
    receivers = find();
  }
  receivers = receivers.filter((pid) => killed(pid, signal));
  if (!expect) return { type: "signalled", processes: receivers.length };
  const seconds = expect.ends ?? expect.runs ?? 0;
  const ended = await Promise.race([
    orthanc.ended.then(() => true),
    sleep(1000 * seconds, false, { ref: false, signal: stop }),
  ]);
  return ended ? { type: "ended" } : { type: "running", seconds };
}

/** Sends a signal; returns false if the process has ended. */
function killed(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
