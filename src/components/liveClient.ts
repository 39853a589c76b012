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

const headers = () => ({ [SECRET_HEADER]: secretOfPage() ?? "" });

/** @throws Error with the server's reason */
async function ask(path: string, method: string, body?: object): Promise<unknown> {
  const response = await fetch(`/live/${path}`, {
    method,
    headers: { ...headers(), ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  const json = text === "" ? undefined : JSON.parse(text);
  if (!response.ok) throw new Error(json?.error ?? `The server answered ${response.status}.`);
  return json;
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

/**
 * Follows a run from its beginning, over lost connections too, until it has ended.
 * @param gone is called where the server does not know the run any more
 * @returns ends the following
 */
export function followRun(
  id: string,
  tell: (event: RunEvent) => void,
  gone: () => void,
): () => void {
  const source = createEventSource({
    url: new URL(`/live/runs/${id}/events`, location.href),
    headers: headers(),
    fetch: async (url, init) => {
      const response = await fetch(url, init as RequestInit);
      if (!response.ok) {
        source.close();
        gone();
      }
      return response;
    },
    onMessage: ({ data }) => {
      const event = JSON.parse(data) as RunEvent;
      if (event.type === "ended") source.close();
      tell(event);
    },
  });
  return () => source.close();
}
