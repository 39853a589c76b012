/** What all commands do about errors and interrupts. */
import { ExampleError } from "../harness/example.ts";

/**
 * Runs a command and ends the process with its exit code: 2 where it was asked for what does not exist,
 * 1 for every other error, which is told in words.
 */
export async function main(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof ExampleError ? 2 : 1;
  }
}

/** Has Ctrl-C end the process with 130 at once; the guards end what it has started. */
export function endOnInterrupt(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(130));
  }
}
