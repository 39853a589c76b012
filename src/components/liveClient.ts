/** How a page has its server run examples. */

import { createEventSource } from "eventsource-client";
import type { Versions } from "../harness/run.ts";
import {
  type ExampleFiles,
  type RunEvent,
  type RunRequest,
  SECRET_HEADER,
} from "../live/events.ts";
import { secretOfPage } from "./live.ts";

/** The content type of what is told of a run. */
const STREAM = "text/event-stream";

const headers = () => ({ [SECRET_HEADER]: secretOfPage() ?? "" });

/** @throws Error with the server's reason */
async function ask(path: string, method: string, body?: object): Promise<unknown> {
  const response = await fetch(`/live/${path}`, {
    method,
    headers: { ...headers(), ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
  }).catch(() => {
    throw new Error("The server does not answer. Start it again, then load the page again.");
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

/** Why the server has refused something. What answers at its address may be another program by now. */
async function reasonOf(response: Response): Promise<string> {
  const otherwise = `The server answered ${response.status}: load the page again.`;
  const { error = otherwise } = await response.json().catch(() => ({}));
  return error;
}

/** The files of an example, and how many calls it makes at once. */
export const filesOf = (example: string) =>
  ask(`examples/${example}`, "GET") as Promise<ExampleFiles>;

/** What runs are played on. */
export const askVersions = () => ask("versions", "GET") as Promise<Versions>;

/** Starts a run and gives its id. */
export const startRun = async (request: RunRequest) =>
  ((await ask("runs", "POST", request)) as { id: string }).id;

/** Stops a run, and settles when no process of it is left. */
export const stopRun = (id: string) => ask(`runs/${id}`, "DELETE");

/** What becomes of following a run. */
export interface Follower {
  tell(event: RunEvent): void;
  /** The server does not answer, or answers again. */
  lost(now: boolean): void;
  /** The server does not tell of the run any more: why. */
  gone(reason: string): void;
}

/**
 * Follows a run from its beginning, over lost connections too, until it has ended.
 * @returns ends the following
 */
export function followRun(id: string, { tell, lost, gone }: Follower): () => void {
  const source = createEventSource({
    url: new URL(`/live/runs/${id}/events`, location.href),
    headers: headers(),
    fetch: async (url, init) => {
      const response = await fetch(url, init as RequestInit);
      if (!response.ok || !response.headers.get("content-type")?.startsWith(STREAM)) {
        const reason = await reasonOf(response);
        source.close();
        gone(reason);
      }
      return response;
    },
    onConnect: () => lost(false),
    // It is called at the end of what was read to its end, too.
    onScheduleReconnect: () => source.readyState !== "closed" && lost(true),
    onMessage: ({ data }) => {
      const event = JSON.parse(data) as RunEvent;
      if (event.type === "ended") source.close();
      tell(event);
    },
  });
  return () => source.close();
}
