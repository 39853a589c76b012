/** The server of `npm start`: Docusaurus's own behind our request guards, with the API below `/live/`. */
import type { RequestListener, ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createApi } from "./api.ts";
import { GuardedServer, restrictToOwnAccount } from "./requestGuards.ts";

let reportPort: (port: number) => void;

/** Settles when the server listens: its port. */
export const listening = new Promise<number>((resolve) => {
  reportPort = resolve;
});

/**
 * Makes the server.
 * @param secret the one that pages were given
 * @param app answers everything except the API
 */
export async function createDevelopmentServer(
  secret: string,
  app: RequestListener,
  options: ServerOptions,
): Promise<GuardedServer> {
  const api = getRequestListener(createApi(secret).fetch);
  const server = new GuardedServer(
    await restrictToOwnAccount(),
    (request, response) =>
      request.url?.startsWith("/live/") ? api(request, response) : app(request, response),
    options,
  );
  return server.once("listening", () => reportPort((server.address() as AddressInfo).port));
}
