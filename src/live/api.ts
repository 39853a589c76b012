/** The HTTP API behind the Run buttons, below `/live`. */
import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { ExampleError, exampleIds, readExample, TWINS } from "../harness/example.ts";
import type { Versions } from "../harness/run.ts";
import { readTwinFiles, startTwin, versionsOf } from "../harness/twin.ts";
import { onlyOwnPages, type Served } from "./admission.ts";
import type { ExampleFiles, RunRequest } from "./events.ts";
import type { Run } from "./run.ts";
import { BusyError, Runs } from "./runs.ts";

/** How long a request's body may be, in bytes: edited files, many times as long as ours. */
const BODY_LIMIT = 256_000;

const RunBody: z.ZodType<RunRequest> = z.strictObject({
  example: z.string(),
  twins: z
    .array(z.enum(TWINS))
    .min(1)
    .refine((twins) => new Set(twins).size === twins.length, "names a twin twice"),
  calls: z.int().min(1).max(8).optional(),
  edited: z.record(z.string().regex(/^\w+\.(py|ts)$/), z.string()).optional(),
});

/**
 * Makes the API, to be served by a `GuardedServer`. Every refusal is a 4xx with `{"error": why}`.
 * @param secret what pages that were served along with it send back
 */
export function createApi(secret: string): Hono<Served> {
  const runs = new Runs();
  let versions: Promise<Versions> | undefined;

  const api = new Hono<Served>().basePath("/live");
  api.use(onlyOwnPages(secret));
  api.use(bodyLimit({ maxSize: BODY_LIMIT, onError: tooLarge }));

  // What the Run buttons run on: asked of an Orthanc that is started for it, once.
  api.get("/versions", async (context) => {
    versions ??= askVersions();
    versions.catch(() => {
      versions = undefined;
    });
    return context.json(await versions);
  });

  api.get("/examples/:id", async (context) => {
    const example = await readExample(context.req.param("id"));
    const [python, typescript] = await Promise.all(
      TWINS.map((twin) => readTwinFiles(example, twin)),
    );
    const calls = example.steps.find((step) => step.calls > 1)?.calls;
    return context.json({ files: { python, typescript }, calls } as ExampleFiles);
  });

  api.post("/runs", onlyJson, zValidator("json", RunBody, explain), async (context) => {
    const request = context.req.valid("json");
    const example = await readExample(request.example);
    const files = await Promise.all(TWINS.map((twin) => readTwinFiles(example, twin)));
    for (const name of Object.keys(request.edited ?? {})) {
      if (!files.some((own) => Object.hasOwn(own, name)))
        throw new HTTPException(400, { message: `edited: ${example.id} has no file "${name}".` });
    }
    const { id } = runs.start(example, request);
    return context.json({ id }, 201);
  });

  api.get("/runs/:id/events", (context) => {
    const run = find(runs, context.req.param("id"));
    const last = context.req.header("last-event-id") ?? "";
    const from = /^\d+$/.test(last) ? Number(last) + 1 : 0;
    return streamSSE(context, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      try {
        for await (const [index, event] of run.follow(from, gone.signal)) {
          await stream.writeSSE({ id: String(index), data: JSON.stringify(event) });
        }
      } catch (error) {
        if (!gone.signal.aborted) throw error;
      }
    });
  });

  api.delete("/runs/:id", async (context) => {
    await find(runs, context.req.param("id")).stop("You stopped it.");
    return context.body(null, 204);
  });

  api.all("*", ({ req }) => {
    throw new HTTPException(404, { message: `There is no ${req.method} ${req.path}.` });
  });
  api.onError((error, context) => context.json({ error: error.message }, statusOf(error)));
  return api;
}

async function askVersions(): Promise<Versions> {
  const [id = ""] = await exampleIds();
  const orthanc = await startTwin(await readExample(id), "python");
  try {
    return await versionsOf(orthanc);
  } finally {
    orthanc.stop();
  }
}

function find(runs: Runs, id: string): Run {
  const run = runs.get(id);
  if (run) return run;
  throw new HTTPException(404, { message: "There is no such run, or it is too long ago." });
}

const onlyJson = createMiddleware(async ({ req }, next) => {
  const type = req.header("content-type")?.split(";")[0]?.trim();
  if (type !== "application/json") {
    throw new HTTPException(415, { message: "The body must be application/json." });
  }
  await next();
});

function explain(result: { success: boolean; error?: z.core.$ZodError }): void {
  if (result.success) return;
  const mistakes = result.error?.issues.map(
    ({ path, message }) => `${z.core.toDotPath(path) || "the body"}: ${message}`,
  );
  throw new HTTPException(400, { message: mistakes?.join("\n") });
}

function tooLarge(): never {
  throw new HTTPException(413, { message: `A body may have at most ${BODY_LIMIT} bytes.` });
}

function statusOf(error: Error): ContentfulStatusCode {
  if (error instanceof HTTPException) return error.status;
  if (error instanceof ExampleError) return 404;
  if (error instanceof BusyError) return 429;
  return 500;
}
