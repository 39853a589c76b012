/**
 * Routes for TypeScript plugins of Orthanc: a Hono app on the socket of
 * bridge.py, with a status for each error.
 *
 * Copy this file beside a plugin; it needs the packages `hono` and
 * `@hono/node-server`. A method that a path does not have is answered with 405.
 * Hono's HTTPException, and an error that has an `httpStatus`, as PoolError
 * does, is answered with that status and `{"error": message}`; an HTTPException
 * that has its own response, with that. Any other error is logged, and
 * answered with 500.
 *
 * If Orthanc is killed, the program ends, and all that it has started.
 */
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** Serves routes until Orthanc stops. Throws if Orthanc did not start this. */
export function serve(routes: Hono): void {
  const { ORTHANC_PLUGIN_SOCKET } = process.env;
  if (!ORTHANC_PLUGIN_SOCKET)
    throw new Error(
      "Orthanc starts this plugin: name bridge.py as its PythonScript.",
    );
  const app = new Hono();
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.use((_, next) => next().catch(throwError));
  app.onError(onError);
  app.route("/", routes);
  createAdaptorServer(app).listen(ORTHANC_PLUGIN_SOCKET);
  process.stdin.resume().once("end", end);
}

/** Ends this program, and what it has started: the bridge is gone. */
function end(): never {
  // A child in an endless computation would not notice the end of its parent.
  // The bridge has given this program its own process group.
  process.once("exit", () => process.kill(-process.pid, "SIGKILL"));
  process.exit();
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a body as JSON in UTF-8, and throws if it is something else.
 * `context.req.json()` would replace bytes that are not UTF-8.
 */
export async function readJson(context: Context) {
  return JSON.parse(utf8.decode(await context.req.arrayBuffer()));
}

/** Hono does not handle what is thrown without being an Error. */
function throwError(thrown: unknown): never {
  throw thrown instanceof Error ? thrown : new Error(String(thrown));
}

function onMethodNotAllowed(context: Context, methods: string[]): Response {
  // Orthanc passes no HEAD request to a plugin.
  const allow = methods.filter((method) => method !== "HEAD").join(", ");
  return context.body(null, 405, { allow });
}

function onError(error: Error, context: Context): Response {
  if (error instanceof HTTPException && error.res) return error.getResponse();
  const status = statusOf(error);
  if (status === 503) context.header("retry-after", "1");
  if (status) return context.json({ error: error.message }, status);
  // The details may hold patients' data: they go to the log alone.
  // The path is the client's: quoted, its line feeds forge no line of the log.
  console.error(`${JSON.stringify(context.req.path)}:`, error);
  return context.json({ error: "the plugin has failed" }, 500);
}

function statusOf(error: Error): ContentfulStatusCode | undefined {
  if (error instanceof HTTPException) return error.status;
  const { httpStatus } = error as { httpStatus?: ContentfulStatusCode };
  return httpStatus;
}
