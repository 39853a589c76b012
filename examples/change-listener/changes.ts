/** Follows Orthanc's numbered list of changes. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Orthanc, OrthancError } from "./client.ts";

const TRIES = 3; // for each instance
const [FIRST_PAUSE, LONGEST_PAUSE] = [50, 1000]; // milliseconds
export const DEADLINE = 10_000; // milliseconds

interface Changes {
  Changes: { Seq: number; ChangeType: string; ID: string }[];
  Last: number;
  Done: boolean;
}

/** Handles new instances, one after another. */
export interface Listener {
  start(): void; // The list is there.
  handle(id: string): Promise<void>;
  miss(id: string, error: unknown): void; // `handle` has failed.
}

// #region listen
/** Reports new instances to a listener, for as long as Node runs. */
export async function follow(orthanc: Orthanc, listener: Listener) {
  let since: number | undefined;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      since ??= (await orthanc.get<Changes>("/changes?last", DEADLINE)).Last;
      listener.start();
      for (let done = false; !done; ) {
        const path = `/changes?since=${since}&limit=100`;
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

/** Tries a few times, and continues: the instance may be deleted by now. */
async function handle(id: string, listener: Listener): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listener.handle(id);
    } catch (error) {
      const refused = error instanceof OrthancError && error.statusCode < 500;
      if (refused || attempt === TRIES) return listener.miss(id, error);
      await sleep(LONGEST_PAUSE);
    }
  }
}
// #endregion
