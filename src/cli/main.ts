/** Handles errors and interrupts for all commands. */
import { ScenarioError } from "../catalogue/parse.ts";

/**
 * Runs a command and ends the process with its exit code: 2 for an example that does not exist, 1 for every other
 * error, whose message is printed.
 */
export async function main(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof ScenarioError ? 2 : 1;
  }
}

/** Makes Ctrl-C end the process with 130 at once; the guards end what it has started. */
export function endOnInterrupt(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(130));
  }
}
