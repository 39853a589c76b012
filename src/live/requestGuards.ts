/**
 * Guards our servers, behind which code runs on the reader's machine. `GuardedServer` stands before everything that is
 * served, and refuses
 * - other machines, even if the server listens on their network;
 * - other accounts of this machine;
 * - other host names: with a name that resolves to this machine, a foreign page becomes "same-origin" (DNS rebinding).
 *   This includes `localhost`: another account may serve a page on `[::1]` while we serve on 127.0.0.1;
 * - requests of other pages, except links to ours.
 *
 * `requireOwnPage` stands before the API, and refuses requests without the secret, which is made at each start and
 * given only to pages that this server has served.
 */
import { timingSafeEqual } from "node:crypto";
import {
  type IncomingMessage,
  type RequestListener,
  Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { isIPv4, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import { knowsOwners, ownerOf } from "../linux/socketOwner.ts";
import { makeSecret } from "../orthanc/secrets.ts";
import { SECRET_HEADER } from "../protocol/live.ts";

/** The environment of our Hono handlers: they are served by Node's own server. */
export interface ServerEnvironment {
  Bindings: HttpBindings;
}

/**
 * The accounts of this machine that a server accepts: all; its own and root, if the system reveals the account of a
 * client; or every browser in which an address with the token was opened.
 */
export type Accounts = "all" | "own" | { token: string };

/**
 * Restricts a server to its own account and root: by a new token if the system does not reveal the account of a client.
 * @returns the same value for all servers of this process
 */
export function restrictToOwnAccount(): Promise<Accounts> {
  own ??= knowsOwners().then((known) => (known ? "own" : { token: makeSecret() }));
  return own;
}
let own: Promise<Accounts> | undefined;

/** Makes the address to open: with the token, if there is one. */
export function openingAddress(accounts: Accounts, port: number): string {
  const address = `http://127.0.0.1:${port}/`;
  return typeof accounts === "string" ? address : `${address}?${TOKEN}=${accounts.token}`;
}

/** The parameter of the address that contains the token. */
const TOKEN = "token";
/** The cookie's name contains the port, because a browser sends the cookies of a host to all of its ports. */
const cookieName = (port = 0) => `orthanc-twins-${port}`;

/** The maximum number of open connections. A page and its run panels need a few. */
const MAX_CONNECTIONS = 256;
/** The time limits for a request to arrive, in milliseconds. */
const ARRIVAL: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
};
/** The time after which an idle connection is closed, in milliseconds. No run is silent for so long. */
const IDLE_LIMIT = 300_000;
/** The time that a refused client has to read the reason, in milliseconds. */
const LINGER = 500;

/** A reply that replaces the requested answer. */
interface Reply {
  status: number;
  message: string;
  headers?: Record<string, string>;
}

/** The events of a request. Their first argument is the request, their second the response or the socket. */
const REQUESTS = new Set<unknown>([
  "request",
  "checkContinue",
  "checkExpectation",
  "upgrade",
  "connect",
]);

/** An HTTP server whose listeners receive only accepted requests and upgrades. */
export class GuardedServer extends Server {
  readonly #accounts: Accounts;
  /** The connections, each with a promise of true if it is accepted. */
  readonly #accepted = new WeakMap<Socket, Promise<boolean>>();
  #connections = 0;

  constructor(accounts: Accounts, listener: RequestListener, options: ServerOptions = {}) {
    super({ ...ARRIVAL, ...options }, listener);
    this.#accounts = accounts;
    this.timeout = IDLE_LIMIT;
  }

  override emit(event: string, ...args: unknown[]): boolean {
    if (event === "connection") this.#receive(args[0] as Socket);
    if (!REQUESTS.has(event)) return super.emit(event, ...args);
    const [request, target] = args as [IncomingMessage, ServerResponse | Duplex];
    const { socket } = request;
    this.#judge(request)
      .then((reply) => {
        // A listener that is added now would miss the end of the connection.
        if (socket.destroyed || reply === "none") return;
        if (reply) send(request, target, reply);
        else super.emit(event, ...args);
      })
      .catch((error) => {
        console.error(error);
        socket.destroy();
      });
    return true;
  }

  /** Judges a new connection. A refused one is closed at once, so that it does not occupy a place. */
  #receive(socket: Socket): void {
    // Node removes its own listener from a socket before an upgrade, and an error without a listener ends the process.
    socket.on("error", () => {});
    const reply = this.#replyTo(socket);
    this.#accepted.set(
      socket,
      reply.then((found) => found === undefined),
    );
    reply.then((found) => {
      if (!found || socket.destroyed) return;
      socket.end(raw(found));
      setTimeout(() => socket.destroy(), LINGER).unref();
    });
  }

  async #replyTo(socket: Socket): Promise<Reply | undefined> {
    if (!isLoopback(socket.remoteAddress ?? "")) {
      return { status: 403, message: "Only this machine itself may send requests." };
    }
    if (this.#accounts === "own") {
      const owner = await ownerOf(socket);
      if (owner === undefined) {
        return {
          status: 403,
          message: "The system does not reveal the account of your program: try again.",
        };
      }
      if (owner !== 0 && owner !== process.geteuid?.()) {
        return {
          status: 403,
          message: `This server is only for the account that has started it, not for account ${owner}.`,
        };
      }
    }
    if (this.#connections >= MAX_CONNECTIONS) {
      return { status: 503, message: `${MAX_CONNECTIONS} connections are open already.` };
    }
    if (!socket.destroyed) {
      this.#connections += 1;
      socket.once("close", () => {
        this.#connections -= 1;
      });
    }
    return undefined;
  }

  /** Judges a request: the reply to a refused one, undefined for an accepted one, "none" on a refused connection. */
  async #judge(request: IncomingMessage): Promise<Reply | "none" | undefined> {
    // `#receive` replies to the connection.
    if (!(await this.#accepted.get(request.socket))) return "none";
    return judgeHost(request) ?? judgeOrigin(request) ?? judgeToken(request, this.#accounts);
  }
}

/** The host name must be the address of the connection itself. Links to `localhost` are redirected there. */
function judgeHost({ headers, method, socket, url }: IncomingMessage): Reply | undefined {
  const { localAddress = "", localPort } = socket;
  const address = localAddress.replace(/^::ffff:/, "");
  const own = `${isIPv4(address) ? address : `[${address}]`}:${localPort}`;
  if (headers.host === own) return undefined;
  if (headers.host === `localhost:${localPort}` && method === "GET" && url?.startsWith("/")) {
    const location = `http://${own}${url}`;
    return { status: 307, message: `The address is ${location}`, headers: { location } };
  }
  return { status: 403, message: `The host name must be ${own}.` };
}

function judgeOrigin({ headers, method }: IncomingMessage): Reply | undefined {
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    return { status: 403, message: `${OWN_PAGES} the origin is another one.` };
  }
  const site = headers["sec-fetch-site"] ?? "none";
  const link =
    method === "GET" &&
    headers["sec-fetch-mode"] === "navigate" &&
    headers["sec-fetch-dest"] === "document";
  if (site === "none" || site === "same-origin" || link) return undefined;
  return { status: 403, message: `${OWN_PAGES} the browser says that another site has sent this.` };
}

const OWN_PAGES = "Only this server's own pages may send requests:";

/** Moves the token from the address to a cookie, which later requests must contain. */
function judgeToken(request: IncomingMessage, accounts: Accounts): Reply | undefined {
  if (typeof accounts === "string") return undefined;
  const { headers, socket, url = "" } = request;
  const cookie = cookieName(socket.localPort);
  const address = url.startsWith("/") ? new URL(`http://${headers.host}${url}`) : undefined;
  if (isSame(address?.searchParams.get(TOKEN) ?? "", accounts.token)) {
    address?.searchParams.delete(TOKEN);
    return {
      status: 200,
      message: `You have access: ${address}`,
      headers: {
        "set-cookie": `${cookie}=${accounts.token}; HttpOnly; SameSite=Strict; Path=/`,
        // After a redirect by status, a browser that follows a foreign link would not send the cookie.
        refresh: `0; url=${address}`,
        "referrer-policy": "no-referrer",
      },
    };
  }
  const sent = headers.cookie?.split("; ").find((one) => one.startsWith(`${cookie}=`));
  if (isSame(sent?.slice(cookie.length + 1) ?? "", accounts.token)) return undefined;
  return {
    status: 403,
    message:
      "This system does not reveal the account of a client, so the server requires its token: open the address that it has printed in its terminal.",
  };
}

/** Sends a reply as text for a browser, or as JSON for our pages. */
function send(request: IncomingMessage, target: ServerResponse | Duplex, reply: Reply): void {
  if (!("writeHead" in target)) {
    target.end(raw(reply));
    return;
  }
  const page = !request.url?.startsWith("/live/");
  target.writeHead(reply.status, {
    ...reply.headers,
    "content-type": page ? "text/plain; charset=utf-8" : "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  target.end(page ? `${reply.message}\n` : JSON.stringify({ error: reply.message }));
}

/** Formats a reply for a socket without an HTTP server. */
function raw({ status, message }: Reply): string {
  const body = `${message}\n`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}

/**
 * Makes a middleware that refuses, with 403 and the reason, requests that no page of this server has sent. It relies
 * on the check of the host name by `GuardedServer`.
 * @param secret the one that pages were given
 * @throws HTTPException
 */
export const requireOwnPage = (secret: string) =>
  createMiddleware<ServerEnvironment>(async ({ req }, next) => {
    // A browser sends the origin along with everything but a page's own read requests.
    if (req.method !== "GET" && req.header("origin") === undefined) {
      throw new HTTPException(403, { message: `${OWN_PAGES} the origin is missing.` });
    }
    if ((req.header("sec-fetch-site") ?? "same-origin") !== "same-origin") {
      throw new HTTPException(403, {
        message: `${OWN_PAGES} the browser says that none has sent this.`,
      });
    }
    if (!isSame(req.header(SECRET_HEADER) ?? "", secret)) {
      throw new HTTPException(403, {
        message:
          "The secret is missing or wrong: load the page again, it may be from an earlier start.",
      });
    }
    await next();
  });

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, "");
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
