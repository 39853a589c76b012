/**
 * Varies the requests of a scenario's steps: other paths, methods, bodies and headers, as clients and attackers send
 * them. Both twins must answer each in the same way. Requests are sent verbatim: no library normalizes them.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { findProgram, type Program, type Scenario, withCalls } from "../catalogue/catalogue.ts";
import { readProgramFiles, replaceTexts } from "../catalogue/files.ts";
import { ScenarioError } from "../catalogue/parse.ts";
import type { RequestStep } from "../catalogue/scenario.ts";
import { basicAuthorization } from "../orthanc/restClient.ts";
import type { Orthanc } from "../orthanc/server.ts";
import type { Answer } from "../protocol/run.ts";
import { readBody, toAnswer } from "./answer.ts";
import { judgeVariations, type VariedAnswer, type VariedRun } from "./compare.ts";
import { playSteps, setStage } from "./player.ts";
import { type Platform, type StartOptions, startProgram } from "./program.ts";
import { PlayError } from "./stage.ts";
import { fillPath, textBody } from "./steps/request.ts";
import { withTimeLimit } from "./timeLimit.ts";

/** The time limit for an answer, in milliseconds. */
const LIMIT = 60_000;
/** The number of requests that are sent at once in the second round. */
const CONCURRENCY = 4;
/** The maximum number of variations in the second round, and in both rounds for later steps on the same route. */
const FEW = 10;
/** The maximum length of a request's first line that is kept, in characters. */
const EXCERPT = 120;

/** A request, exactly as it is sent. */
export interface RawRequest {
  method: string;
  /** Path and query in Latin-1; other characters are escaped. */
  target: string;
  headers?: Record<string, string | string[]>;
  body?: string;
  /** The body is sent in chunks, without its length. */
  chunked?: boolean;
}

/** A variation of a step's request. Its name follows the step's name in messages. */
export interface Variation extends RawRequest {
  name: string;
}

/** All methods that are sent, including those that Orthanc refuses. */
const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"];
const LARGE_BODY = 20_000_000;

/** Makes the variations of a request: first the request itself. Their names are unique. */
export function makeVariations(request: RawRequest): Variation[] {
  const found = new Map<string, Variation>();
  for (const variation of [varyTarget, varyHeaders, varyBody, varyMethod].flatMap((vary) =>
    vary(request),
  )) {
    const { method, target, headers, body, chunked } = variation;
    const key = JSON.stringify([
      method,
      target,
      headers,
      body?.slice(0, 100),
      body?.length,
      chunked,
    ]);
    if (!found.has(key)) found.set(key, variation);
  }
  return [...found.values()];
}

/** Varies the path and the query string. */
function varyTarget({ method, target, body }: RawRequest): Variation[] {
  const [path = "", query] = target.split("?");
  const end = query === undefined ? "" : `?${query}`;
  const cut = path.lastIndexOf("/");
  const [parent, last] = [path.slice(0, cut), path.slice(cut + 1)];
  const lastLetter = path.charCodeAt(path.length - 1).toString(16);
  const targets: Record<string, string> = {
    "as it is": target,
    "with a query string": query === undefined ? `${path}?x` : `${target}&x`,
    "with an empty query string": query === undefined ? `${path}?` : `${target}&`,
    "with a query string that looks like a path":
      query === undefined ? `${path}?a=/../b&c=%2F..%2F` : `${target}&a=/../b&c=%2F..%2F`,
    "with a malformed query string":
      query === undefined ? `${path}?%zz=%00%` : `${target}&%zz=%00%`,
    "with a long query string": query === undefined ? `${path}?x=${"x".repeat(5_000)}` : target,
    "with the last letter of the query escaped": query
      ? `${target.slice(0, -1)}%${target.charCodeAt(target.length - 1).toString(16)}`
      : target,
    "with a slash at the end": `${path}/${end}`,
    "with two slashes at the beginning": `/${target}`,
    "with two slashes before the last part": `${parent}//${last}${end}`,
    "with an escaped slash before the last part": `${parent || "/"}%2F${last}${end}`,
    "with an escaped slash at the end": `${path}%2F${end}`,
    "with an escaped slash and more at the end": `${path}%2Fmore${end}`,
    "with another part at the end": `${path}/more${end}`,
    "with a dot as a part": `${parent}/./${last}${end}`,
    "with a part that two dots take back": `${parent}/x/../${last}${end}`,
    "with a part that escaped dots take back": `${parent}/x/%2e%2e/${last}${end}`,
    "with a part that an escaped slash and dots take back": `${parent}/x%2F..%2F${last}${end}`,
    "with dots that lead to another route": `${parent}/..%2F..%2Fplugins`,
    "with dots that lead to another route, and an escaped question mark": `${parent}/..%2F..%2Fplugins%3F`,
    "with dots that lead to another route, escaped twice": `${parent}/%252e%252e%252f%252e%252e%252fplugins`,
    "with two dots in the place of the last part": `${parent}/..${end}`,
    "with two escaped dots in the place of the last part": `${parent}/%2e%2e${end}`,
    "with two dots, escaped twice, in the place of the last part": `${parent}/%252e%252e${end}`,
    "with an escaped question mark": `${path}%3Fx${end}`,
    "with an escaped number sign": `${path}%23x${end}`,
    "with a number sign": `${path}#x${end}`,
    "with an escaped percent sign": `${path}%25${end}`,
    "with a percent sign alone": `${path}%${end}`,
    "with a malformed escape": `${path}%zz${end}`,
    "with an escaped space": `${path}%20${end}`,
    "with a semicolon": `${path};x=1${end}`,
    "with an ampersand": `${path}&x=1${end}`,
    "with a capital letter": `${path.slice(0, 1)}${path.slice(1, 2).toUpperCase()}${path.slice(2)}${end}`,
    "with the last letter of the path escaped": `${path.slice(0, -1)}%${lastLetter}${end}`,
    "with a letter that is not ASCII": `${path}%C3%A9${end}`,
    "with a letter that is not ASCII, not escaped": `${path}\xe9${end}`,
    "with a byte that is not UTF-8": `${path}%FF${end}`,
    "with an escaped NUL": `${path}%00${end}`,
    "with an escaped NUL in the middle": `${parent}/%00${last}${end}`,
    "with an escaped line feed": `${path}%0A${end}`,
    "with an escaped header": `${path}%20HTTP/1.1%0D%0Ax-a:%201${end}`,
    "with an escaped control character": `${path}%01%7F${end}`,
    "with a path of 5,000 letters": `${path}${"x".repeat(5_000)}${end}`,
    "with a path of 50,000 letters": `${path}${"x".repeat(50_000)}${end}`,
  };
  return Object.entries(targets).map(([name, varied]) => ({ name, method, target: varied, body }));
}

function varyHeaders({ method, target, body }: RawRequest): Variation[] {
  const headers: Record<string, RawRequest["headers"]> = {
    "with 90 headers more": Object.fromEntries(
      Array.from({ length: 90 }, (_, index) => [`x-header-${index}`, String(index)]),
    ),
    "with a header of 8,000 letters": { "x-long": "x".repeat(8_000) },
    "with two headers of one name": { "x-twice": ["1", "2"] },
    "with a header that is not ASCII": { "x-latin": "\xe9" },
    "for compressed answers": { "accept-encoding": "gzip" },
    "for other types of answers": { accept: "text/html;q=1, image/*" },
    "for a part of the answer": { range: "bytes=0-1", "if-none-match": "*" },
    "with another host": { host: "elsewhere.example" },
    "with a header of the connection": { connection: "close, x-a", "x-a": "1" },
    "as a WebSocket": { connection: "upgrade", upgrade: "websocket" },
    "with a method in a header": { "x-http-method-override": "DELETE" },
    "with a wrong password": { authorization: "Basic eDp4" },
  };
  return Object.entries(headers).map(([name, more]) => {
    return { name, method, target, body, headers: more };
  });
}

/** Varies the body: with a method whose body Orthanc passes on, and with those whose body it drops. */
function varyBody({ method, target, body }: RawRequest): Variation[] {
  const bodied = method === "PUT" ? "PUT" : "POST";
  const bodies: Record<string, Partial<RawRequest>> = {
    "with an empty body": { body: "" },
    "with a body that is malformed JSON": { body: '{"count": ' },
    "with a body that is a JSON list": { body: "[]" },
    "with a body that is null": { body: "null" },
    "with a body that is not UTF-8": { body: '"\xff"' },
    "with a body of 20 MB": { body: "x".repeat(LARGE_BODY) },
    "with a body in pieces": { body: body ?? "{}", chunked: true },
    "with a form": {
      body: '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
      headers: { "content-type": "multipart/form-data; boundary=b" },
    },
  };
  const as = bodied === method ? "" : `as ${bodied} `;
  return [
    ...Object.entries(bodies).map(([name, more]) => {
      return { name: `${as}${name}`, method: bodied, target, ...more };
    }),
    ...["GET", "DELETE"].map((other) => {
      return { name: `as ${other} with a body`, method: other, target, body: body ?? "{}" };
    }),
  ];
}

/** Varies the method. Other methods may change the state of the twin, so they come last. */
function varyMethod({ method, target, body }: RawRequest): Variation[] {
  return METHODS.filter((other) => other !== method).map((other) => {
    return { name: `as ${other}`, method: other, target, body };
  });
}

/** Options for playing variations. */
export interface VariationOptions extends Platform, Pick<StartOptions, "edited" | "signal"> {
  /** Receives a description of each request. */
  report?: (request: string) => void;
}

/**
 * Plays variations of a scenario's requests on its twins, and compares the answers.
 * @returns the number of variations, and a sentence for each problem
 * @throws PlayError if a request has no answer; StartError
 */
export async function compareVariations(
  scenario: Scenario,
  options: VariationOptions = {},
): Promise<{ count: number; problems: string[] }> {
  const runs = scenario.programs.map((program) => playVariations(scenario, program, options));
  const [one, other] = await Promise.all(runs);
  if (!one || !other) throw new ScenarioError(`${scenario.id} has no twins to compare.`);
  return { count: one.answers.length, problems: judgeVariations(scenario, one, other) };
}

/**
 * Plays variations of a scenario's requests on one of its twins, on a new Orthanc: first its steps, which create what
 * the variations refer to; then each variation alone; then some read-only ones again, several at the same time.
 *
 * @returns the answers, in the same order for both twins
 * @throws PlayError if a request has no answer; ScenarioError if the scenario names a missing step or text;
 * StartError; the signal's reason if it was aborted. The Orthanc is gone then.
 */
export async function playVariations(
  scenario: Scenario,
  program: Program,
  {
    edited,
    signal = new AbortController().signal,
    report = () => {},
    ...platform
  }: VariationOptions = {},
): Promise<VariedRun> {
  const files = { ...(await readProgramFiles(program)), ...edited };
  const ending = program.language === "python" ? ".py" : ".ts";
  const smaller = Object.entries(scenario.variations.smaller).filter(([name]) =>
    name.endsWith(ending),
  );
  const orthanc = await startProgram(program, {
    ...platform,
    edited: { ...edited, ...replaceTexts(files, Object.fromEntries(smaller)) },
    signal,
  });
  try {
    const stage = await setStage(scenario, program, orthanc, { signal });
    const { names, secrets } = stage;
    const { steps } = findProgram(withCalls(scenario, 1), program.program);
    await playSteps(steps, stage, { steps: [] });
    const routes = new Set<string>();
    const plans = variedSteps(scenario, program, names).flatMap(({ step, route, target, body }) => {
      const request = { method: step.method, target, body };
      // The first step of a route shows how the route handles odd requests.
      const key = `${step.method} ${route}`;
      const all = routes.has(key) ? varyTarget(request).slice(0, FEW) : makeVariations(request);
      // Orthanc itself takes long to read a large body, on any route.
      const rest = routes.size > 0 ? all.filter((one) => one.body?.length !== LARGE_BODY) : all;
      routes.add(key);
      return rest.map((variation, place) => ({ step, variation, place }));
    });
    const ask = async (step: string, variation: Variation): Promise<Answer> => {
      report(`"${step}" ${variation.name}`);
      try {
        return await withTimeLimit(LIMIT, signal, (limit) =>
          send(orthanc, variation, secrets, limit),
        );
      } catch (error) {
        signal.throwIfAborted();
        throw new PlayError(
          `${scenario.id}, "${step}" ${variation.name}, ${program.program}: no answer to ${firstLine(variation)} (${(error as Error).message})`,
        );
      }
    };

    const answers: VariedAnswer[] = [];
    for (const { step, variation } of plans) {
      answers.push({
        step: step.name,
        variation: variation.name,
        request: firstLine(variation),
        alone: await ask(step.name, variation),
      });
    }
    // The same variation of all steps one after the other, so that calls with different answers overlap.
    const reading = plans
      .map((plan, index) => ({ ...plan, answer: answers[index] as VariedAnswer }))
      .filter(({ variation, place }) => variation.method === "GET" && place < FEW)
      .sort((a, b) => a.place - b.place)
      .values();
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        for (const { step, variation, answer } of reading) {
          answer.amongOthers = await ask(step.name, variation);
        }
      }),
    );
    return { program: program.program, answers };
  } finally {
    await orthanc.kill();
  }
}

/** Lists the steps that are varied, with their requests; of steps with the same request, the first. */
function variedSteps(
  { id, variations }: Scenario,
  { routes, steps }: Program,
  names: Map<string, string>,
) {
  const chosen = variations.steps;
  for (const name of chosen ?? []) {
    if (!steps.some((step) => step.name === name))
      throw new ScenarioError(`${id}: there is no step "${name}" to vary.`);
  }
  const found = new Map<
    string,
    { step: RequestStep; route: string; target: string; body?: string }
  >();
  for (const step of steps) {
    if (step.do !== "request") continue;
    const target = fillPath(step, names);
    const [path = ""] = target.split("?");
    const route = routes.find((route) => new RegExp(`^(?:${route})$`).test(path));
    // Steps that expect 405 send other methods, which are variations of each request already.
    const wanted = chosen ? chosen.includes(step.name) : step.expect.status !== 405;
    if (!route || !wanted) continue;
    const body = textBody(step);
    const request = `${step.method} ${target} ${body}`;
    if (!found.has(request)) found.set(request, { step, route, target, body });
  }
  return [...found.values()];
}

function firstLine({ method, target }: RawRequest): string {
  const text = `${method} ${target}`;
  return text.length <= EXCERPT ? text : `${text.slice(0, EXCERPT)}…`;
}

/** Sends a request verbatim, with the credentials, over its own connection. */
async function send(
  orthanc: Orthanc,
  { method, target, headers, body, chunked }: RawRequest,
  secrets: string[],
  signal: AbortSignal,
): Promise<Answer> {
  const { hostname, port } = new URL(orthanc.url);
  const authorization = basicAuthorization(orthanc.user, orthanc.password);
  const bytes = body === undefined ? undefined : Buffer.from(body, "latin1");
  const length = bytes && !chunked ? { "content-length": String(bytes.length) } : {};
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({
      host: hostname,
      port,
      method,
      path: target,
      headers: { authorization, ...length, ...headers },
      agent: false,
      signal,
    });
    request.once("response", resolve).once("error", reject);
    request.once("upgrade", () => reject(new Error("it was upgraded")));
    request.end(bytes);
  });
  const { rawHeaders, statusCode = 0 } = response;
  const pairs = rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : [],
  );
  const compressed = response.headers["content-encoding"] === "gzip";
  const text = compressed
    ? gunzipSync(await buffer(response)).toString()
    : await readBody(response);
  return toAnswer(statusCode, pairs, text, secrets);
}
