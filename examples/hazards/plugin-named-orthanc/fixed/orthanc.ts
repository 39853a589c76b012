/** Serves GET /caller: whether a request has a token or a password. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { serve } from "./routes.ts";

const routes = new Hono();

/** Answers with the scheme of the Authorization header, such as Basic. */
routes.get("/caller", (context) => {
  const header = context.req.header("authorization") ?? "none";
  const [scheme] = header.split(" ");
  console.warn(`Request ${randomUUID()} came with ${scheme}`);
  return context.text(`${scheme}\n`);
});

serve(routes);
