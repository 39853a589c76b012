import type { Language } from "../protocol/programs.ts";

/** The names of the twins' languages. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  python: "Python",
  typescript: "TypeScript",
};
