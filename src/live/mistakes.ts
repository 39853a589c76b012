/** Finds syntax errors in files that a reader has changed, before they are run. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { typescriptEnvironment } from "../harness/twin.ts";
import { type Mistake, MOST_MISTAKES } from "./events.ts";

/** How long it may take, in milliseconds: a text that is made for it keeps a parser busy for minutes. */
const LIMIT = 30_000;

/**
 * Works in a thread of its own, which ends then: parsers are not asynchronous, and one whose stack was too small for
 * a text is not to be used again.
 *
 * @param files name to text; what ends in `.py` is read as Python, the rest as TypeScript
 * @returns the first syntax errors, file by file from top to bottom
 * @throws Error that says why they can't be searched for; the signal's reason if it was aborted
 */
export async function findMistakes(
  files: Record<string, string>,
  signal: AbortSignal,
): Promise<Mistake[]> {
  if (Object.keys(files).length === 0) return [];
  signal.throwIfAborted();
  const worker = new Worker(new URL("syntax.ts", import.meta.url), {
    workerData: files,
    execArgv: Object.values(typescriptEnvironment()),
    resourceLimits: { maxOldGenerationSizeMb: 1_000 },
  });
  const ended = new AbortController();
  const stop = () => ended.abort();
  const limit = setTimeout(stop, LIMIT);
  signal.addEventListener("abort", stop);
  try {
    const [found] = (await once(worker, "message", { signal: ended.signal })) as [Mistake[]];
    return found.slice(0, MOST_MISTAKES);
  } catch (error) {
    signal.throwIfAborted();
    const reason = ended.signal.aborted ? `it took more than ${LIMIT / 1000} seconds` : error;
    const names = Object.keys(files).join(", ");
    throw new Error(`${names} can't be searched for syntax errors: ${reason}.`);
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", stop);
    await worker.terminate();
  }
}
