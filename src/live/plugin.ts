/** The Docusaurus plugin that mounts the API behind the Run buttons into `docusaurus start`. */
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";
import type { Plugin } from "@docusaurus/types";
import { SECRET_META } from "./events.ts";

const require = createRequire(import.meta.url);
