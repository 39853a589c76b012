import { expect } from "vitest";
import { type RunEvent, type RunRequest, SECRET_HEADER } from "../protocol/live.ts";
import { ask, pageHeaders } from "./serveApp.ts";

/**
 * Makes a client of the live API that sends the same requests as a page.
 * @param host the server's host name with the port
 * @param secret the one that its pages were given
 */
export function pageClient(host: string, secret: string) {
  const request = async (method: string, path: string, body?: object) => {
    const headers = pageHeaders(host, secret);
    const { status, text } = await ask(host, { method, path, headers, body: JSON.stringify(body) });
    return { status, json: text === "" ? undefined : JSON.parse(text) };
  };
  return {
    request,
    /** Starts a run and returns its id. */
    async startRun(run: RunRequest): Promise<string> {
      const { status, json } = await request("POST", "/live/runs", run);
      expect(json).toEqual({ id: expect.any(String) });
      expect(status).toBe(201);
      return json.id;
    },
    /**
     * Yields the numbers and events of a run as they arrive, until the server ends the stream.
     * @param lastEventId the number of the last event that is not sent again
     */
    async *followRun(id: string, lastEventId?: string): AsyncGenerator<[string, RunEvent]> {
      const response = await fetch(`http://${host}/live/runs/${id}/events`, {
        headers: {
          [SECRET_HEADER]: secret,
          ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
        },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      let text = "";
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const messages = text.split("\n\n");
        text = messages.pop() ?? "";
        for (const message of messages) {
          const [, data = "", number = ""] = /^data: (.*)\nid: (.*)$/.exec(message) ?? [];
          yield [number, JSON.parse(data)];
        }
      }
      expect(text).toBe("");
    },
  };
}
