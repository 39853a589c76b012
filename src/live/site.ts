/** Serves the built site: with the API behind the Run buttons, or without as any static host does. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { secureHeaders } from "hono/secure-headers";
import { makeSecret } from "../orthanc/secrets.ts";
import type { Served } from "./admission.ts";
import { createApi } from "./api.ts";
import { SECRET_META } from "./events.ts";

/**
 * Makes the site, to be served by a `GuardedServer`.
 * @param folder the production build
 * @param live whether pages get the secret with which they can run examples
 */
export function createSite(folder: string, live: boolean): Hono<Served> {
  const site = new Hono<Served>();
  const secret = makeSecret();
  if (live) site.route("/", createApi(secret));

  // Nobody may show a page of ours in a frame, where a reader can be led to click.
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
      // Hono hands on the headers of the response that is replaced, and its length is no longer right.
      context.res.headers.delete("content-length");
      // A page that was kept would have the secret of an earlier start.
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
