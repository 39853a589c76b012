/** The Docusaurus plugin that adds the request guards and the API of the Run buttons to `docusaurus start`. */
import type { RequestListener, ServerOptions } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { LoadContext, Plugin } from "@docusaurus/types";
import { makeSecret } from "../orthanc/secrets.ts";
import { SECRET_META } from "../protocol/live.ts";

const { nativeImport } = createRequire(import.meta.url)("./nativeImport.cjs");

export default function live({ siteDir }: LoadContext): Plugin {
  const developing = process.env.NODE_ENV === "development";
  const secret = makeSecret();

  async function createServer(options: ServerOptions, app: RequestListener) {
    const file = pathToFileURL(path.join(siteDir, "src/live/developmentServer.ts"));
    const { createDevelopmentServer } = await nativeImport(file.href);
    return createDevelopmentServer(secret, app, options);
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
              server: createServer,
              // By default, Docusaurus lets every site read the pages, and with them the secret.
              allowedHosts: "auto",
              headers: () => ({ "content-security-policy": "frame-ancestors 'none'" }),
            },
          } as ReturnType<NonNullable<Plugin["configureWebpack"]>>)
        : {},
  };
}
