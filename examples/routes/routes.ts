/**
 * Serves the routes of a TypeScript plugin to Orthanc, over the socket of bridge.py: a Hono app with a
 * status for each error.
 *
 * Copy this file beside a plugin; it needs the packages `hono` and `@hono/node-server`. A method
 * that a path does not have is answered with 405. An error that has a `status`, as HTTPException
 * and PoolError do, is answered with that and `{"error": message}`. Any other is logged, and answered
 * with 500.
 */
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** Serves these routes until Orthanc stops. Throws if Orthanc has not started this program. */
export function serve(routes: Hono): void {
  const { ORTHANC_PLUGIN_SOCKET } = process.env;
  if (!ORTHANC_PLUGIN_SOCKET)
    throw new Error(
      "Orthanc starts this plugin: name bridge.py as its PythonScript.",
    );
  const app = new Hono();
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.onError(onError);
  app.route("/", routes);
  createAdaptorServer(app).listen(ORTHANC_PLUGIN_SOCKET);
  process.stdin.resume().once("end", () => process.exit());
}

function onMethodNotAllowed(context: Context, methods: string[]): Response {
  // Orthanc hands HEAD to no plugin.
  const allow = methods.filter((method) => method !== "HEAD").join(", ");
  return context.body(null, 405, { allow });
}

function onError(error: Error, context: Context): Response {
  if ("status" in error) {
    if (error.status === 503) context.header("retry-after", "1");
    return context.json(
      { error: error.message },
      error.status as ContentfulStatusCode,
    );
  }
  // The details may hold patients' data: they go to the log alone.
  console.error(`${context.req.path}:`, error);
  return context.json({ error: "the plugin has failed" }, 500);
}
