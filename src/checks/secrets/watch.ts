/** Searches for secrets during and after tests: in processes, temporary files, logs, and the files that tests leave. */
import { type Dirent, readdirSync, readFileSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { commandLine, environment, processIds } from "../../linux/processes.js";
import { hashOf, SECRETS_FOLDER } from "../../orthanc/secrets.ts";
import { type Candidate, candidatesIn, lineAround, tokenHash } from "./shapes.ts";

/** The variable in which the bridge hands Node its token. */
const TOKEN_VARIABLE = "ORTHANC_TOKEN";
/** The temporary files that may hold secrets while a test runs, if no other account can read them. */
const KEPT_PRIVATE: Record<string, string> = {
  "orthanc.json": "Orthanc reads its users' passwords there",
  netrc: "curl reads the credentials there, which its command line may not have",
  "tokens.json": "the requests of the table of what a token opens are made outside of Orthanc",
  "open.html": "it leads a browser to an address with a token, which no command line may have",
};
/** A line that Orthanc prints for each request at the log level trace, as the page about tokens explains. */
const TRACE_LINE = /^T\d{4} .*$/gm;
/** The folder of a watch that the tests of this file make: it is full of planted secrets. */
const WATCH = /^ot-\w{6}$/;
/** Longer files, such as a test's large bodies, are not searched while they change. */
const LIVE_LIMIT = 4_000_000;

/** The place of a candidate. It counts if a secret with the same hash is made, sooner or later. */
interface Sighting {
  hash: string;
  place: string;
}

/** The number of things that a watch has searched. */
export interface Counts {
  secrets: number;
  tokens: number;
  processes: number;
  temporaryFiles: number;
  files: number;
  logs: number;
  /** The number of permitted places of secrets, by reason. */
  excepted: Map<string, number>;
}

/** Searches for the secrets of one test run. */
export class Watch {
  readonly #folder: string;
  readonly #temporary: string;
  readonly #sightings = new Map<string, Sighting>();
  readonly #certain = new Set<string>();
  readonly #fakes = new Set<string>();
  readonly #tokens = new Set<string>();
  readonly #states = new Set<string>();
  readonly #processes = new Set<number>();
  readonly #changed = new Map<string, number>();
  readonly #excepted = new Map<string, Set<string>>();
  #files = 0;
  #logs = 0;

  /**
   * @param folder what `ORTHANC_TWINS_SECRETS` names in the environment of all that is watched
   * @param temporary what `TMPDIR` names there
   */
  constructor(folder: string, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  /** Searches the current processes and temporary files, and the logs that were written since the last time. */
  sample(): void {
    this.#sampleProcesses();
    for (const file of filesBelow(this.#temporary, isWatch)) this.#sampleTemporary(file);
    for (const file of filesBelow(path.join(this.#folder, "logs"))) {
      if (this.#hasChanged(file)) this.#logs += 1;
      else continue;
      this.#search(readText(file), `the log of ${path.basename(file, ".log")}`, { log: true });
    }
  }

  /** Learns fake tokens from the sources below a folder, which may be copied elsewhere. */
  learnFakes(folder: string): void {
    for (const file of filesBelow(folder)) {
      for (const { hash, certain } of candidatesIn(readText(file))) {
        if (certain) this.#fakes.add(hash);
      }
    }
  }

  /**
   * Searches every file below a folder.
   * @param skip excludes a file or folder
   */
  search(folder: string, skip: (file: string) => boolean = () => false): void {
    for (const file of filesBelow(folder, (file) => isWatch(file) || skip(file))) {
      this.#files += 1;
      this.#search(readText(file), file);
    }
  }

  /** Searches the output of a program. */
  searchOutput(file: string): void {
    this.#search(stripVTControlCharacters(readText(file)), "what was printed");
  }

  /** The forbidden places of secrets: a sentence each, without the secret. */
  findings(): string[] {
    const hashes = new Set([...this.#hashes(), ...this.#tokens]);
    const found = [...this.#sightings.values()].filter(({ hash }) => hashes.has(hash));
    return [...new Set([...this.#certain, ...found.map(({ place }) => place)])].sort();
  }

  counts(): Counts {
    return {
      secrets: this.#hashes().length,
      tokens: this.#tokens.size,
      processes: this.#processes.size,
      temporaryFiles: this.#changed.size - this.#logs,
      files: this.#files,
      logs: this.#logs,
      excepted: new Map([...this.#excepted].map(([reason, places]) => [reason, places.size])),
    };
  }

  #hashes(): string[] {
    return readText(path.join(this.#folder, "hashes")).split("\n").filter(Boolean);
  }

  #sampleProcesses(): void {
    const mark = `${SECRETS_FOLDER}=${this.#folder}`;
    for (const pid of processIds()) {
      const variables = environment(pid);
      const command = commandLine(pid);
      const version = hashOf([pid, command, ...variables].join("\0"));
      if (this.#states.has(version)) continue;
      this.#states.add(version);
      const ours = variables.includes(mark);
      this.#search(command, "the command line of a process", { certain: ours });
      if (!ours) continue;
      this.#processes.add(pid);
      for (const variable of variables) this.#sampleVariable(pid, command, variable);
    }
  }

  #sampleVariable(pid: number, command: string, variable: string): void {
    const [name = ""] = variable.split("=", 1);
    if (name === TOKEN_VARIABLE) {
      const hash = tokenHash(variable);
      if (hash) this.#tokens.add(hash);
      this.#except("the environment of Node, which only its account can read", String(pid));
      return;
    }
    const [program = ""] = command.split(" ", 1);
    this.#search(variable, `the environment of ${path.basename(program)}`);
  }

  #sampleTemporary(file: string): void {
    if (!this.#hasChanged(file, LIVE_LIMIT)) return;
    const name = path.basename(file);
    const reason = KEPT_PRIVATE[name];
    const text = readText(file);
    if (name === "tokens.json") {
      for (const { hash, certain } of candidatesIn(text)) if (certain) this.#tokens.add(hash);
    }
    const where = `the temporary file ${path.relative(this.#temporary, file)}`;
    if (reason === undefined) this.#search(text, where, { log: name.endsWith(".log") });
    else if (isPrivate(file, this.#temporary)) this.#except(`${name}: ${reason}`, file);
    else this.#search(text, `${where}, which other accounts can read`);
  }

  /** Tells if a file is new or has changed since it was searched. */
  #hasChanged(file: string, limit = Number.POSITIVE_INFINITY): boolean {
    const status = statusOf(file);
    if (!status || status.size > limit) return false;
    const version = status.mtimeMs + status.size;
    if (this.#changed.get(file) === version) return false;
    this.#changed.set(file, version);
    return true;
  }

  #search(text: string, where: string, options: { certain?: boolean; log?: boolean } = {}): void {
    const { certain: certainly = true, log = false } = options;
    const traced = log ? [...text.matchAll(TRACE_LINE)] : [];
    const inTrace = ({ start }: Candidate) =>
      traced.some(({ 0: line, index }) => index <= start && start < index + line.length);
    for (const candidate of candidatesIn(text)) {
      const { hash, certain } = candidate;
      if (traced.length > 0 && inTrace(candidate)) {
        if (certain) this.#except("Orthanc's own log at the level trace", `${where} ${hash}`);
        continue;
      }
      const place = () => `${where}: ${lineAround(text, candidate)}`;
      if (certain && certainly && !this.#fakes.has(hash)) this.#certain.add(place());
      const key = `${where} ${hash}`;
      if (!this.#sightings.has(key)) this.#sightings.set(key, { hash, place: place() });
    }
  }

  #except(reason: string, place: string): void {
    const places = this.#excepted.get(reason) ?? new Set();
    this.#excepted.set(reason, places.add(hashOf(place)));
  }
}

function isWatch(file: string): boolean {
  return WATCH.test(path.basename(file));
}

/** Tells if no other account can read a file: it is private, or in a private folder. */
function isPrivate(file: string, upTo: string): boolean {
  for (let at = file; at !== upTo && at !== path.dirname(at); at = path.dirname(at)) {
    const status = statusOf(at);
    // It was removed in the meantime.
    if (!status) return true;
    if ((status.mode & 0o077) === 0) return true;
  }
  return false;
}

function* filesBelow(
  folder: string,
  skip: (file: string) => boolean = () => false,
): Generator<string> {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const at = path.join(folder, entry.name);
    if (skip(at)) continue;
    if (entry.isDirectory()) yield* filesBelow(at, skip);
    else if (entry.isFile()) yield at;
  }
}

/** Reads a file; empty if it belongs to another account, or was removed in the meantime. */
function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function statusOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}
