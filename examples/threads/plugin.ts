/** Times four tasks in turn and then at once: computations, and waits. */
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { Orthanc } from "./client.ts";
import { serve } from "./routes.ts";

const TASKS = 4;
const COUNT = 4_000_000n; // square numbers
const orthanc = new Orthanc();

// #region tasks
/** Adds up square numbers. Nothing else can run: there is no await in it. */
async function compute(): Promise<bigint> {
  let total = 0n;
  for (let number = 0n; number < COUNT; number++) total += number * number;
  return total;
}

/** Asks a slow server. While it awaits the answer, the event loop is free. */
async function ask(): Promise<unknown> {
  return orthanc.getBytes("/slow", 10_000);
}
// #endregion

// #region compare
/** Times all tasks in turn, then at once. Throws what a task throws. */
async function compare(task: () => Promise<unknown>): Promise<string> {
  const started = performance.now();
  for (let count = 0; count < TASKS; count++) await task();
  const between = performance.now();
  await Promise.all(Array.from({ length: TASKS }, task));
  const ended = performance.now();
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2);
  const inTurn = seconds(started, between);
  return `In turn: ${inTurn} s\nAt once: ${seconds(between, ended)} s\n`;
}
// #endregion

// #region callback
const routes = new Hono();

routes.get("/computation", async (context) =>
  context.text(await compare(compute)),
);

routes.get("/requests", async (context) => {
  const text = await compare(ask).catch((cause) => {
    const message = "the slow server did not answer";
    throw new HTTPException(502, { message, cause });
  });
  return context.text(text);
});

/** Stands in for a slow server. */
routes.get("/slow", async (context) => context.text(await sleep(400, "done")));
// #endregion

serve(routes);
