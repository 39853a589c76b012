/**
 * Runs long computations in workers, which report their progress.
 *
 * POST /computations with {"count": N} starts one. GET /computations/{id}
 * returns its state and progress, and DELETE cancels it.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { Computation, computations } from "./computations.ts";
import { readJson, serve } from "./routes.ts";

const BODY_LIMIT = 100; // bytes, as in the Python twin

const routes = new Hono();

function onTooLarge(): never {
  const message = `the body has more than ${BODY_LIMIT} bytes`;
  throw new HTTPException(413, { message });
}

// #region callback
/** Starts a computation. */
routes.post(
  "/computations",
  bodyLimit({ maxSize: BODY_LIMIT, onError: onTooLarge }),
  async (context) => {
    const body = await readJson(context).catch(() => undefined);
    const count: unknown = body?.count;
    if (!Number.isSafeInteger(count) || Number(count) < 0) {
      const message = 'the body must be JSON like {"count": 1000}';
      throw new HTTPException(400, { message });
    }
    return context.json(new Computation(Number(count)), 202);
  },
);

/** Describes a computation. */
routes.get("/computations/:id", (context) =>
  context.json(find(context.req.param("id"))),
);

/** Cancels a computation, and describes it. */
routes.delete("/computations/:id", async (context) => {
  const computation = find(context.req.param("id"));
  await computation.cancel();
  return context.json(computation);
});
// #endregion

function find(id: string): Computation {
  const computation = computations.get(id);
  if (!computation)
    throw new HTTPException(404, { message: "no such computation" });
  return computation;
}

serve(routes);
