/** Follows Orthanc's numbered list of changes. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Orthanc, OrthancError } from "./client.ts";

const PAGE = 100; // changes that are asked for at once
const [FIRST_PAUSE, LONGEST_PAUSE] = [50, 1000]; // milliseconds
export const DEADLINE = 10_000; // milliseconds

interface Changes {
  Changes: { Seq: number; ChangeType: string; ID: string }[];
  Last: number;
  Done: boolean;
}

/** What becomes of new instances, one after another. */
export interface Listener {
  /** Is called when the list is there. */
  start(): void;
  handle(id: string): Promise<void>;
  /** Is called when Orthanc refuses what `handle` asks. */
  miss(id: string, error: OrthancError): void;
}

// #region listen
/** Reports new instances to a listener, for as long as Node runs. */
export async function follow(
  orthanc: Orthanc,
  listener: Listener,
): Promise<never> {
  let since: number | undefined;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      since ??= (await orthanc.get<Changes>("/changes?last", DEADLINE)).Last;
      listener.start();
      for (let done = false; !done; ) {
        const path = `/changes?since=${since}&limit=${PAGE}`;
        const page: Changes = await orthanc.get(path, DEADLINE);
        for (const { Seq, ChangeType, ID } of page.Changes) {
          if (ChangeType === "NewInstance") await handle(ID, listener);
          since = Seq;
          pause = FIRST_PAUSE;
        }
        done = page.Done;
      }
    } catch (error) {
      console.warn(`Orthanc's changes are asked for again: ${error}`);
    }
    await sleep(pause);
  }
}

/** Continues if Orthanc refuses: the instance may be deleted by now. */
async function handle(id: string, listener: Listener): Promise<void> {
  await listener.handle(id).catch((error) => {
    if (!(error instanceof OrthancError)) throw error;
    listener.miss(id, error);
  });
}
// #endregion
