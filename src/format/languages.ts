import type { Twin } from "../protocol/programs.ts";

/** The names of the twins' languages. */
export const LANGUAGE_NAMES: Record<Twin, string> = { python: "Python", typescript: "TypeScript" };
