import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects garbage now. V8 frees large buffers in the background, until this is called again. */
export const collectGarbage: () => void = runInNewContext("gc");
