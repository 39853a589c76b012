/** Garbage that tests want gone: what nothing refers to, at the worst moment or before a measurement. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects garbage now. V8 goes on freeing large buffers in the background until it is called again. */
export const collectGarbage: () => void = runInNewContext("gc");
