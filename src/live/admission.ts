/**
 * Lets in only whom a server of ours is for. Behind it, code runs on the reader's machine. `GuardedServer` stands
 * before everything that is served, and refuses
 * - other machines, even where the server was told to listen for them;
 * - other accounts of this machine;
 * - other host names: a name that resolves to this machine makes another's page "same-origin" (DNS rebinding). That
 *   holds for `localhost`, too: another account may serve a page on `[::1]` while we serve on 127.0.0.1;
 * - what other pages send, but links to ours.
 *
 * `onlyOwnPages` stands before the API, and refuses whoever lacks the secret, which is made at each start and given
 * only to pages that this server has served.
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
import { makeSecret } from "../orthanc/secrets.ts";
import { SECRET_HEADER } from "./events.ts";
import { knowsOwners, ownerOf } from "./owners.ts";

/** The environment of our handlers: they are served by Node's own server. */
export interface Served {
  Bindings: HttpBindings;
}

/**
 * Which accounts of this machine a server is for: all; the server's own and root, as the system tells; or whoever has
 * opened an address with the token.
 */
export type Accounts = "all" | "own" | { token: string };

/**
 * How to let in only the server's own account and root: where the system does not tell who asks, by a new token.
 * @returns the same for all servers of this process
 */
export function ownAccount(): Promise<Accounts> {
  own ??= knowsOwners().then((known) => (known ? "own" : { token: makeSecret() }));
  return own;
}
let own: Promise<Accounts> | undefined;

/** The address to open: with the token, where one is needed. */
export function addressOf(accounts: Accounts, port: number): string {
  const address = `http://127.0.0.1:${port}/`;
  return typeof accounts === "string" ? address : `${address}?${TOKEN}=${accounts.token}`;
}

/** The parameter of the address that has the token. */
const TOKEN = "token";
/** The cookie's name has the port, because a browser sends the cookies of one host to all its ports. */
const cookieOf = (port = 0) => `orthanc-twins-${port}`;

/** How many connections may be open at once. A page and its run panels need a few. */
const CONNECTIONS = 256;
/** How long the headers and the whole of a request may take to arrive, in milliseconds. */
const ARRIVAL: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
};
/** After this time in which nothing was sent or read, a connection is closed, in milliseconds. No run is so silent. */
const SILENCE = 300_000;
/** How long a connection that was refused has to read why, in milliseconds. */
const LINGER = 500;

/** What a request gets in the place of what it asks for. */
interface Reply {
  status: number;
  message: string;
  headers?: Record<string, string>;
}

/** A request comes as one of these events: first the request, then the response or the socket. */
const REQUESTS = new Set<unknown>([
  "request",
  "checkContinue",
  "checkExpectation",
  "upgrade",
  "connect",
]);

/** An HTTP server whose listeners get only those requests and upgrades that are let in. */
export class GuardedServer extends Server {
  readonly #accounts: Accounts;
  /** Whether a connection is let in. */
  readonly #letIn = new WeakMap<Socket, Promise<boolean>>();
  #connections = 0;

  constructor(accounts: Accounts, listener: RequestListener, options: ServerOptions = {}) {
    super({ ...ARRIVAL, ...options }, listener);
    this.#accounts = accounts;
    this.timeout = SILENCE;
  }

  override emit(event: string, ...args: unknown[]): boolean {
    if (event === "connection") this.#meet(args[0] as Socket);
    if (!REQUESTS.has(event)) return super.emit(event, ...args);
    const [request, place] = args as [IncomingMessage, ServerResponse | Duplex];
    const { socket } = request;
    this.#judge(request)
      .then((reply) => {
        // Who begins to listen for the end of a connection now would miss it.
        if (socket.destroyed || reply === "none") return;
        if (reply) send(request, place, reply);
        else super.emit(event, ...args);
      })
      .catch((error) => {
        console.error(error);
        socket.destroy();
      });
    return true;
  }

  /** Finds out who has connected. Whoever is refused is sent away at once, so as not to take up a place. */
  #meet(socket: Socket): void {
    // Node takes its own listener off a socket that is to be upgraded, and an error that nobody hears ends the process.
    socket.on("error", () => {});
    const reply = this.#replyTo(socket);
    this.#letIn.set(
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
      return { status: 403, message: "Only this machine itself may ask." };
    }
    if (this.#accounts === "own") {
      const owner = await ownerOf(socket);
      if (owner === undefined) {
        return { status: 403, message: "The system does not say whose program asks: try again." };
      }
      if (owner !== 0 && owner !== process.geteuid?.()) {
        return {
          status: 403,
          message: `This server is for the account that has started it, not for account ${owner}.`,
        };
      }
    }
    if (this.#connections >= CONNECTIONS) {
      return { status: 503, message: `${CONNECTIONS} connections are open already.` };
    }
    if (!socket.destroyed) {
      this.#connections += 1;
      socket.once("close", () => {
        this.#connections -= 1;
      });
    }
    return undefined;
  }

  /** What a request gets in the place of what it asks for; undefined if it is let in, "none" if it needs no more. */
  async #judge(request: IncomingMessage): Promise<Reply | "none" | undefined> {
    // The connection gets its reply from `#meet`.
    if (!(await this.#letIn.get(request.socket))) return "none";
    return judgeHost(request) ?? judgeOrigin(request) ?? judgeToken(request, this.#accounts);
  }
}

/** The host name must be the very address that the connection was made to. Links to `localhost` are led there. */
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
  return { status: 403, message: `${OWN_PAGES} the browser says that another site does.` };
}

const OWN_PAGES = "Only this server's own pages may ask:";

/** Takes the token from the address into a cookie, which must be there from then on. */
function judgeToken(request: IncomingMessage, accounts: Accounts): Reply | undefined {
  if (typeof accounts === "string") return undefined;
  const { headers, socket, url = "" } = request;
  const cookie = cookieOf(socket.localPort);
  const address = url.startsWith("/") ? new URL(`http://${headers.host}${url}`) : undefined;
  if (same(address?.searchParams.get(TOKEN) ?? "", accounts.token)) {
    address?.searchParams.delete(TOKEN);
    return {
      status: 200,
      message: `You are let in: ${address}`,
      headers: {
        "set-cookie": `${cookie}=${accounts.token}; HttpOnly; SameSite=Strict; Path=/`,
        // After a redirect by status, a browser that comes from elsewhere would not send the cookie.
        refresh: `0; url=${address}`,
        "referrer-policy": "no-referrer",
      },
    };
  }
  const sent = headers.cookie?.split("; ").find((one) => one.startsWith(`${cookie}=`));
  if (same(sent?.slice(cookie.length + 1) ?? "", accounts.token)) return undefined;
  return {
    status: 403,
    message:
      "This system does not say which account asks, so the server wants its token: open the address that it has printed where it was started.",
  };
}

/** Sends a reply in the place of an answer, as a browser shows it or as our pages read it. */
function send(request: IncomingMessage, place: ServerResponse | Duplex, reply: Reply): void {
  if (!("writeHead" in place)) {
    place.end(raw(reply));
    return;
  }
  const page = !request.url?.startsWith("/live/");
  place.writeHead(reply.status, {
    ...reply.headers,
    "content-type": page ? "text/plain; charset=utf-8" : "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  place.end(page ? `${reply.message}\n` : JSON.stringify({ error: reply.message }));
}

/** A reply for a socket that no HTTP server answers on. */
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
 * Refuses, with 403 and the reason, requests that no page of this server has sent. To be used behind a
 * `GuardedServer`, on whose check of the host name it relies.
 * @param secret what pages were given
 * @throws HTTPException
 */
export const onlyOwnPages = (secret: string) =>
  createMiddleware<Served>(async ({ req }, next) => {
    // A browser names the origin of everything but a page's own reading requests.
    if (req.method !== "GET" && req.header("origin") === undefined) {
      throw new HTTPException(403, { message: `${OWN_PAGES} the origin is missing.` });
    }
    if ((req.header("sec-fetch-site") ?? "same-origin") !== "same-origin") {
      throw new HTTPException(403, { message: `${OWN_PAGES} the browser says that none does.` });
    }
    if (!same(req.header(SECRET_HEADER) ?? "", secret)) {
      throw new HTTPException(403, {
        message:
          "The secret is missing or wrong: load the page again, it may be of an earlier start.",
      });
    }
    await next();
  });

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, "");
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

function same(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
