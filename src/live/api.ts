/** The HTTP API behind the Run buttons, below `/live`. */
import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { findProgram, readProgram, readScenario } from "../catalogue/catalogue.ts";
import { readProgramFiles } from "../catalogue/files.ts";
import { ScenarioError } from "../catalogue/parse.ts";
import { fetchVersions, startProgram } from "../harness/program.ts";
import type { RunRequest, ScenarioFiles } from "../protocol/live.ts";
import type { Versions } from "../protocol/run.ts";
import { requireOwnPage, type ServerEnvironment } from "./requestGuards.ts";
import type { Run } from "./run.ts";
import { BusyError, Runs } from "./runs.ts";

/** The maximum size of a request's body, in bytes: edited files, many times as long as ours. */
const BODY_LIMIT = 256_000;

const RunBody: z.ZodType<RunRequest> = z.strictObject({
  scenario: z.string(),
  programs: z
    .array(z.string())
    .min(1)
    .refine((names) => new Set(names).size === names.length, "names a program twice"),
  calls: z.int().min(1).max(8).optional(),
  edited: z.record(z.string().regex(/^\w+\.(py|ts)$/), z.string()).optional(),
});

/**
 * Makes the API, which must be served by a `GuardedServer`. Every refusal is a 4xx with `{"error": reason}`.
 * @param secret the one that its pages send back
 */
export function createApi(secret: string): Hono<ServerEnvironment> {
  const runs = new Runs();
  let versions: Promise<Versions> | undefined;

  const api = new Hono<ServerEnvironment>().basePath("/live");
  api.use(requireOwnPage(secret));
  api.use(bodyLimit({ maxSize: BODY_LIMIT, onError: refuseLargeBody }));

  // The versions that the Run buttons use: from an Orthanc that is started for this purpose, once.
  api.get("/versions", async (context) => {
    versions ??= readVersions();
    versions.catch(() => {
      versions = undefined;
    });
    return context.json(await versions);
  });

  // An id may contain slashes.
  api.get("/scenarios/:id{.+}", async (context) => {
    const { programs } = await readScenario(context.req.param("id"));
    const files: ScenarioFiles["files"] = {};
    for (const program of programs) files[program.program] = await readProgramFiles(program);
    const steps = programs.flatMap((program) => program.steps);
    const several = steps.find((step) => step.do === "request" && step.calls > 1);
    const calls = several?.do === "request" ? several.calls : undefined;
    return context.json({ files, calls } satisfies ScenarioFiles);
  });

  api.post(
    "/runs",
    requireJson,
    zValidator("json", RunBody, refuseInvalidBody),
    async (context) => {
      const request = context.req.valid("json");
      const scenario = await readScenario(request.scenario);
      for (const name of request.programs) findProgram(scenario, name);
      const files = await Promise.all(scenario.programs.map(readProgramFiles));
      for (const name of Object.keys(request.edited ?? {})) {
        if (!files.some((own) => Object.hasOwn(own, name)))
          throw new HTTPException(400, {
            message: `edited: ${scenario.id} has no file "${name}".`,
          });
      }
      const { id } = runs.start(scenario, request);
      return context.json({ id }, 201);
    },
  );

  api.get("/runs/:id/events", (context) => {
    const run = findRun(runs, context.req.param("id"));
    const last = context.req.header("last-event-id") ?? "";
    const from = /^\d+$/.test(last) ? Number(last) + 1 : 0;
    return streamSSE(context, async (stream) => {
      const disconnected = new AbortController();
      stream.onAbort(() => disconnected.abort());
      try {
        for await (const [index, event] of run.follow(from, disconnected.signal)) {
          await stream.writeSSE({ id: String(index), data: JSON.stringify(event) });
        }
      } catch (error) {
        if (!disconnected.signal.aborted) throw error;
      }
    });
  });

  api.delete("/runs/:id", async (context) => {
    await findRun(runs, context.req.param("id")).stop("You stopped it.");
    return context.body(null, 204);
  });

  api.all("*", ({ req }) => {
    throw new HTTPException(404, { message: `There is no ${req.method} ${req.path}.` });
  });
  api.onError((error, context) => context.json({ error: error.message }, errorStatus(error)));
  return api;
}

async function readVersions(): Promise<Versions> {
  const orthanc = await startProgram(await readProgram("rest-token", "python"));
  try {
    return await fetchVersions(orthanc);
  } finally {
    orthanc.stop();
  }
}

function findRun(runs: Runs, id: string): Run {
  const run = runs.get(id);
  if (run) return run;
  throw new HTTPException(404, { message: "There is no such run, or it was too long ago." });
}

const requireJson = createMiddleware(async ({ req }, next) => {
  const type = req.header("content-type")?.split(";")[0]?.trim();
  if (type !== "application/json") {
    throw new HTTPException(415, { message: "The body must be application/json." });
  }
  await next();
});

function refuseInvalidBody(result: { success: boolean; error?: z.core.$ZodError }): void {
  if (result.success) return;
  const issues = result.error?.issues.map(
    ({ path, message }) => `${z.core.toDotPath(path) || "the body"}: ${message}`,
  );
  throw new HTTPException(400, { message: issues?.join("\n") });
}

function refuseLargeBody(): never {
  throw new HTTPException(413, { message: `A body may have at most ${BODY_LIMIT} bytes.` });
}

function errorStatus(error: Error): ContentfulStatusCode {
  if (error instanceof HTTPException) return error.status;
  if (error instanceof ScenarioError) return 404;
  if (error instanceof BusyError) return 429;
  return 500;
}
