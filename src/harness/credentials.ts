/** The credentials of the requests of an access table. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { CredentialName } from "../catalogue/scenario.ts";
import { basicAuthorization } from "../orthanc/restClient.ts";
import type { Orthanc } from "../orthanc/server.ts";
import { PlayError, type Stage } from "./stage.ts";

type MakeHeader = (stage: Stage, tokens: string[]) => string | undefined;

/** Make the `Authorization` header, undefined for none. */
const HEADERS: Record<CredentialName, MakeHeader> = {
  "No header": () => undefined,
  "A wrong token": () => `Bearer ${randomUUID()}`,
  "A token": (_, [token]) => token,
  "A second token": (_, [, token]) => token,
  "A token from before": ({ earlierTokens: [token] }) => token,
  "A token, after “bearer” in lower case": (_, [token]) => token?.replace("Bearer", "bearer"),
  "User and password": ({ orthanc }) => basicAuthorization(orthanc.user, orthanc.password),
  "User and wrong password": ({ orthanc }) => basicAuthorization(orthanc.user, "wrong"),
  "Another user and password": ({ users }) => {
    const [other] = Object.entries(users);
    return other && basicAuthorization(...other);
  },
};

/**
 * Makes the headers of a request with these credentials.
 * @throws PlayError if there are none
 */
export async function credentialHeaders(
  name: CredentialName,
  stage: Stage,
): Promise<Record<string, string>> {
  if (name === "No header") return {};
  const authorization = HEADERS[name](stage, await readTokens(stage.orthanc));
  // Without credentials, a refusal would prove nothing.
  if (authorization === undefined) throw new PlayError(`There are no credentials for "${name}".`);
  return { authorization };
}

/** Reads the tokens that `examples/token-access/access.py` has made; none if another program runs. */
export async function readTokens({ folder }: Pick<Orthanc, "folder">): Promise<string[]> {
  const text = await readFile(path.join(folder, "tokens.json"), "utf8").catch(() => "[]");
  return JSON.parse(text);
}
