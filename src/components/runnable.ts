import type { ProgramName } from "../protocol/programs.ts";

/** Programs of a scenario that a page shows, and can run. */
export interface RunnableProps {
  scenario: string;
  /** The name in labels, such as `rest-token`. */
  title: string;
  /** The `id` of the element, to which links lead. */
  anchor: string;
  programs: ProgramName[];
}
