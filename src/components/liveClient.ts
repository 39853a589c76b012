/** The client of the API behind the Run buttons. */
import { createEventSource } from "eventsource-client";
import {
  type RunEvent,
  type RunRequest,
  type ScenarioFiles,
  SECRET_HEADER,
} from "../protocol/live.ts";
import type { Versions } from "../protocol/run.ts";
import { pageSecret } from "./pageSecret.ts";

/** The content type of the events of a run. */
const STREAM = "text/event-stream";

const headers = () => ({ [SECRET_HEADER]: pageSecret() ?? "" });

/** @throws Error with the reason from the server */
async function callApi(path: string, method: string, body?: object): Promise<unknown> {
  const response = await fetch(`/live/${path}`, {
    method,
    headers: { ...headers(), ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
  }).catch(() => {
    throw new Error("The server does not answer. Start it again, then load the page again.");
  });
  if (!response.ok) throw new Error(await readReason(response));
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

/** Reads the reason for a refusal. Another program may answer at the server's address by now. */
async function readReason(response: Response): Promise<string> {
  const fallback = `The server answered ${response.status}: load the page again.`;
  const { error = fallback } = await response.json().catch(() => ({}));
  return error;
}

/** Fetches the files of a scenario's programs, and its number of calls at once. */
export const fetchFiles = (scenario: string) =>
  callApi(`scenarios/${scenario}`, "GET") as Promise<ScenarioFiles>;

/** Fetches the versions of what programs run on. */
export const fetchVersions = () => callApi("versions", "GET") as Promise<Versions>;

/** Starts a run and returns its id. */
export const startRun = async (request: RunRequest) =>
  ((await callApi("runs", "POST", request)) as { id: string }).id;

/** Stops a run, and settles when none of its processes is left. */
export const stopRun = (id: string) => callApi(`runs/${id}`, "DELETE");

/** Receives what happens while a run is followed. */
export interface Follower {
  event(event: RunEvent): void;
  /** The connection to the server is lost, or is back. */
  connection(lost: boolean): void;
  /** The server no longer reports the run, for this reason. */
  gone(reason: string): void;
}

/**
 * Follows a run from its beginning until it has ended, reconnecting if necessary.
 * @returns a function that stops following
 */
export function followRun(id: string, { event, connection, gone }: Follower): () => void {
  const source = createEventSource({
    url: new URL(`/live/runs/${id}/events`, location.href),
    headers: headers(),
    fetch: async (url, init) => {
      const response = await fetch(url, init as RequestInit);
      if (!response.ok || !response.headers.get("content-type")?.startsWith(STREAM)) {
        const reason = await readReason(response);
        source.close();
        gone(reason);
      }
      return response;
    },
    onConnect: () => connection(false),
    // This is also called after the end of a complete stream.
    onScheduleReconnect: () => source.readyState !== "closed" && connection(true),
    onMessage: ({ data }) => {
      const received = JSON.parse(data) as RunEvent;
      if (received.type === "ended") source.close();
      event(received);
    },
  });
  return () => source.close();
}
