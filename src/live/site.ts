/** Serves the built site: with the API of the Run buttons, or without it, as any static host does. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { secureHeaders } from "hono/secure-headers";
import { makeSecret } from "../orthanc/secrets.ts";
import { SECRET_META } from "../protocol/live.ts";
import { createApi } from "./api.ts";
import type { ServerEnvironment } from "./requestGuards.ts";

/**
 * Makes the site, which must be served by a `GuardedServer`.
 * @param folder the production build
 * @param live pages receive the secret with which they can run examples
 */
export function createSite(folder: string, live: boolean): Hono<ServerEnvironment> {
  const site = new Hono<ServerEnvironment>();
  const secret = makeSecret();
  if (live) site.route("/", createApi(secret));

  // No other site may show our pages in a frame, where it could trick a reader into clicking.
  site.use(
    secureHeaders({
      xFrameOptions: "DENY",
      contentSecurityPolicy: { frameAncestors: ["'none'"] },
    }),
    compress(),
  );
  if (live) {
    site.use(async (context, next) => {
      await next();
      if (!context.res.headers.get("content-type")?.startsWith("text/html")) return;
      const page = await context.res.text();
      const meta = `<meta name="${SECRET_META}" content="${secret}">`;
      // Hono keeps the headers of the replaced response, whose length is no longer right.
      context.res.headers.delete("content-length");
      // A cached page would contain the secret of an earlier start.
      context.res.headers.set("cache-control", "no-store");
      context.res = new Response(page.replace("</head>", `${meta}</head>`), context.res);
    });
  }
  site.get(
    "*",
    serveStatic({
      root: folder,
      rewriteRequestPath: (page) =>
        path.extname(page) || page.endsWith("/") ? page : `${page}.html`,
    }),
  );
  site.notFound(async (context) =>
    context.html(await readFile(path.join(folder, "404.html"), "utf8"), 404),
  );
  return site;
}
