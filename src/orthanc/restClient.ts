/** A client of a private Orthanc's REST API. */
import { Agent, fetch, type RequestInit, type Response } from "undici";

export interface RestClient {
  /** Sends a request with the credentials, over its own connection if others are running. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Closes all connections; requests that are running fail. */
  close(): Promise<void>;
}

/**
 * Makes a client that waits for an answer as long as it takes.
 * @param url without a slash at the end
 * @param authorization the header's value
 */
export function createRestClient(url: string, authorization: string): RestClient {
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return {
    request: (path, init = {}) =>
      fetch(url + path, {
        dispatcher: agent,
        ...init,
        headers: { authorization, ...(init.headers as Record<string, string>) },
      }),
    close: () => agent.destroy(),
  };
}

/** The value of an `Authorization` header with a name and a password. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
