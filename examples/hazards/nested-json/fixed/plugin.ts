/** Serves POST /studies, which counts the studies in a JSON document. */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { readJson, serve } from "./routes.ts";

const BODY_LIMIT = 1_000_000; // bytes

const routes = new Hono();

function onTooLong(): never {
  throw new HTTPException(413, { message: "the document is too long" });
}

/** Answers with the number, or with 400 if the document is wrong. */
routes.post(
  "/studies",
  bodyLimit({ maxSize: BODY_LIMIT, onError: onTooLong }),
  async (context) => {
    const document = await readJson(context).catch(() => undefined);
    if (!Array.isArray(document?.studies)) {
      const message = "the document has no list of studies";
      throw new HTTPException(400, { message });
    }
    return context.text(`${document.studies.length} studies\n`);
  },
);

serve(routes);
