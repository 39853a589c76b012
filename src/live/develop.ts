/** The server of `npm start`: Docusaurus's own behind our admission, with the API beside its pages. */
import type { RequestListener, ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { GuardedServer, ownAccount } from "./admission.ts";
import { createApi } from "./api.ts";

let tellPort: (port: number) => void;

/** The port on which the server listens; settles when it does. */
export const listening = new Promise<number>((resolve) => {
  tellPort = resolve;
});

/**
 * @param secret what pages were given
 * @param app answers everything but the API
 */
export async function createDevelopmentServer(
  secret: string,
  app: RequestListener,
  options: ServerOptions,
): Promise<GuardedServer> {
  const api = getRequestListener(createApi(secret).fetch);
  const server = new GuardedServer(
    await ownAccount(),
    (request, response) =>
      request.url?.startsWith("/live/") ? api(request, response) : app(request, response),
    options,
  );
  return server.once("listening", () => tellPort((server.address() as AddressInfo).port));
}
