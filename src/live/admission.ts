/**
 * Lets in only what a page of ours has sent. Behind it, code runs on the reader's machine, so it refuses
 * - other machines, even where the server was told to listen for them;
 * - other host names: a foreign name that resolves to this machine (DNS rebinding) makes a foreign page "same-origin";
 * - other origins: a foreign page can send requests here, though it can't read the answers;
 * - whoever lacks the secret, which is made at each start and given only to pages that this server has served.
 */
import { timingSafeEqual } from "node:crypto";
import { isIPv4 } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import { SECRET_HEADER } from "./events.ts";

/** The environment of our handlers: they are served by Node's own server. */
export interface Served {
  Bindings: HttpBindings;
}

/** Names of this machine that can't be anybody else's. */
const NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Refuses, with 403 and the reason, requests from elsewhere and those under a foreign host name.
 * @throws HTTPException
 */
export const onlyThisMachine = createMiddleware<Served>(async ({ env, req }, next) => {
  const { remoteAddress = "", localPort } = env.incoming.socket;
  if (!isLoopback(remoteAddress)) {
    refuse("Only this machine itself may ask.");
  }
  const host = req.header("host") ?? "";
  if (!NAMES.some((name) => host === `${name}:${localPort}`)) {
    refuse(`The host name must be one of ${NAMES.join(", ")} with port ${localPort}.`);
  }
  await next();
});

/**
 * Refuses, with 403 and the reason, requests that no page of this server has sent. To be used after
 * `onlyThisMachine`, on whose check of the host name it relies.
 * @param secret what pages were given
 * @throws HTTPException
 */
export const onlyOwnPages = (secret: string) =>
  createMiddleware<Served>(async ({ req }, next) => {
    const origin = req.header("origin");
    // A browser names the origin of everything but a page's own reading requests.
    if (origin === undefined ? req.method !== "GET" : origin !== `http://${req.header("host")}`) {
      refuse("Only this server's own pages may ask: the origin is missing or another one.");
    }
    if ((req.header("sec-fetch-site") ?? "same-origin") !== "same-origin") {
      refuse("Only this server's own pages may ask: the browser says that another site does.");
    }
    if (!same(req.header(SECRET_HEADER) ?? "", secret)) {
      refuse("The secret is missing or wrong: load the page again, it may be of an earlier start.");
    }
    await next();
  });

function refuse(message: string): never {
  throw new HTTPException(403, { message });
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, "");
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

function same(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
