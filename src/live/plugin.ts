/** The Docusaurus plugin that mounts the API behind the Run buttons into `docusaurus start`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { LoadContext, Plugin } from "@docusaurus/types";
import { makeSecret } from "../orthanc/secrets.ts";
import { SECRET_META } from "./events.ts";

const { nativeImport } = createRequire(import.meta.url)("./native-import.cjs");

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export default function live({ siteDir }: LoadContext): Plugin {
  const developing = process.env.NODE_ENV === "development";
  const secret = makeSecret();
  let handler: Promise<Handler> | undefined;

  async function load(): Promise<Handler> {
    const { getRequestListener } = await nativeImport("@hono/node-server");
    const api = pathToFileURL(path.join(siteDir, "src/live/api.ts")).href;
    const { createApi } = await nativeImport(api);
    return getRequestListener(createApi(secret).fetch, { overrideGlobalObjects: false });
  }

  async function middleware(
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): Promise<void> {
    if (!request.url?.startsWith("/live/")) return next();
    try {
      handler ??= load();
      await (await handler)(request, response);
    } catch (error) {
      next(error);
    }
  }

  return {
    name: "orthanc-twins-live",
    injectHtmlTags: () =>
      developing
        ? { headTags: [{ tagName: "meta", attributes: { name: SECRET_META, content: secret } }] }
        : {},
    configureWebpack: (_config, isServer) =>
      developing && !isServer
        ? ({
            devServer: {
              // Docusaurus itself lets every site read the pages, and with them the secret.
              allowedHosts: "auto",
              headers: () => ({ "content-security-policy": "frame-ancestors 'none'" }),
              // What this returns is appended to what Docusaurus returns, which is the given array itself.
              setupMiddlewares: (middlewares: object[]) => {
                middlewares.unshift({ name: "orthanc-twins-live", middleware });
                return [];
              },
            },
          } as ReturnType<NonNullable<Plugin["configureWebpack"]>>)
        : {},
  };
}
