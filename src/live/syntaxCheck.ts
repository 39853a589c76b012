/** Finds syntax errors in files that a reader has changed, before they are run. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { LOADER } from "../node/node.ts";
import { MAX_SYNTAX_ISSUES, type SyntaxIssue } from "../protocol/live.ts";

/** The time limit for the search, in milliseconds: a malicious text keeps a parser busy for minutes. */
const LIMIT = 30_000;

/**
 * Finds syntax errors in a new thread, which ends with the search: parsers are synchronous, and a parser whose stack
 * has overflowed can't be used again.
 *
 * @param files name to text; files that end in `.py` are Python, all others TypeScript
 * @returns the first syntax errors, file by file from top to bottom
 * @throws Error with the reason if the search is impossible; the signal's reason if it was aborted
 */
export async function findSyntaxErrors(
  files: Record<string, string>,
  signal: AbortSignal,
): Promise<SyntaxIssue[]> {
  if (Object.keys(files).length === 0) return [];
  signal.throwIfAborted();
  const worker = new Worker(new URL("syntaxWorker.ts", import.meta.url), {
    workerData: files,
    execArgv: LOADER ? [LOADER] : [],
    resourceLimits: { maxOldGenerationSizeMb: 1_000 },
  });
  const ended = new AbortController();
  const stop = () => ended.abort();
  const limit = setTimeout(stop, LIMIT);
  signal.addEventListener("abort", stop);
  try {
    const [found] = (await once(worker, "message", { signal: ended.signal })) as [SyntaxIssue[]];
    return found.slice(0, MAX_SYNTAX_ISSUES);
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
