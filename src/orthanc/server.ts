/** A private Orthanc: started on free ports of this machine, with its own credentials and storage. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import getPort from "get-port";
import { makeConfiguration } from "./configuration.ts";
import { inheritedEnvironment } from "./environment.ts";
import { GuardedProcess, type GuardTask } from "./guardedProcess.ts";
import { findOrthanc, type Installation, type OrthancChoice } from "./installation.ts";
import { waitUntilReady } from "./readiness.ts";
import { basicAuthorization, createRestClient, type RestClient } from "./restClient.ts";
import { makeSecret } from "./secrets.ts";
import { sendDicom } from "./sendDicom.ts";
import { LateStartError, StartError } from "./startError.ts";

/** The time limit for the first answer, in milliseconds, if there is no other. */
const START_LIMIT = 30_000;
/** The length of the end of the log in a `StartError`, in characters. */
const LOG_EXCERPT = 20_000;
/** The maximum number of attempts to start Orthanc, if other programs take the ports that were free. */
const ATTEMPTS = 5;
const PORT_TAKEN = /The TCP port of the (HTTP|DICOM) server is privileged or already in use/;
const USER = "reader";
const CONFIGURATION = "orthanc.json";

/** Options for starting Orthanc. */
export interface OrthancOptions {
  /** The release of Debian whose Orthanc is started, or the installed one. */
  release?: OrthancChoice;
  /**
   * The Python plugin's script, an absolute path or one below Orthanc's private folder; without it, Orthanc
   * starts without the plugin.
   */
  script?: string;
  /** Files to write into Orthanc's private folder before it starts: name to text. */
  files?: Record<string, string>;
  /** Symbolic links to create there: name to target. */
  links?: Record<string, string>;
  /** Users in addition to the one whose credentials `request` sends: name to password. */
  users?: Record<string, string>;
  /** Settings that are added to Orthanc's configuration. */
  configuration?: Record<string, unknown>;
  /** Variables that are added to Orthanc's environment. */
  environment?: Record<string, string>;
  /**
   * The maximum number of processes at once, including Orthanc, their total memory and output, both in bytes. Beyond a
   * limit they are killed, and `ended` names the limit.
   */
  limits?: GuardTask["limits"];
  /** The time limit for the first answer, in milliseconds; by default, 30 seconds. */
  startLimit?: number;
  /** Aborts the start, and kills what has started. */
  signal?: AbortSignal;
}

/** A running private Orthanc. */
export interface Orthanc extends Pick<RestClient, "request"> {
  /** Without a slash at the end. */
  url: string;
  user: string;
  password: string;
  pid: number;
  /** The ports on which it listens. */
  ports: { http: number; dicom: number };
  /** The private folder: configuration, log, storage. It is removed when Orthanc has ended. */
  folder: string;
  installation: Installation;
  /** Sends DICOM files over the network, as a modality does. */
  send(files: string[]): Promise<void>;
  /** Reads everything that Orthanc and its plugin have printed so far; once it has ended, the last megabytes. */
  log(): Promise<string>;
  /** The file that they print to, until Orthanc has ended. */
  logFile: string;
  /** Settles when Orthanc has ended, for whatever reason, and nothing of it is left: how it ended. */
  ended: Promise<string>;
  /**
   * Ends Orthanc and all of its descendants, and removes its folder. May be called more than once.
   * @returns what was left when Orthanc had ended: processes that it had started, and files in its temporary folder,
   * each in a few words. They are gone, too.
   */
  stop(): Promise<string[]>;
  /** Does the same without giving them time to end by themselves. */
  kill(): Promise<void>;
  /**
   * Kills Orthanc alone, as a lack of memory would, and starts it again on the same folder and ports. Processes that
   * it had started may live on.
   * @throws StartError if it does not start again; nothing is left then
   */
  restart(): Promise<void>;
}

/**
 * Starts an Orthanc and waits until it answers. Authentication is on, for a user with a generated password.
 * It ends with this process, however this process ends.
 *
 * Before release 1.12, Orthanc can't be restricted to listen on loopback: here it refuses other addresses
 * (`RemoteAccessAllowed: false`), and accepts DICOM files from 127.0.0.1 alone.
 *
 * @throws InstallationError if there is no Orthanc
 * @throws StartError if it ends; LateStartError if it does not answer within its time limit
 * @throws the signal's reason if it was aborted
 */
export async function startOrthanc(options: OrthancOptions = {}): Promise<Orthanc> {
  // Another program may take a port after it was found free and before Orthanc listens there.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      const settings = options.configuration ?? {};
      const chosen = "HttpPort" in settings || "DicomPort" in settings;
      const taken = error instanceof StartError && PORT_TAKEN.test(error.message);
      if (!taken || chosen || attempt === ATTEMPTS) throw error;
    }
  }
}

async function startOnce(options: OrthancOptions): Promise<Orthanc> {
  const { release, startLimit = START_LIMIT, signal } = options;
  const installation = await findOrthanc({ release });
  const host = "127.0.0.1";
  const ports = { http: await getPort({ host }), dicom: await getPort({ host }) };
  const password = makeSecret();
  const task = makeTask(installation, { ...options, ports, password });
  signal?.throwIfAborted();
  const guarded = await GuardedProcess.start(task);
  const url = `http://${host}:${ports.http}`;
  const client = createRestClient(url, basicAuthorization(USER, password));

  const log = () => readFile(task.log, "utf8").catch(() => guarded.finalLog);
  const stop = async () => {
    const left = await guarded.stop();
    await client.close();
    return left;
  };
  const kill = async () => {
    await guarded.kill();
    await client.close();
  };
  const ready = async () => {
    const readiness = await waitUntilReady(guarded, client, startLimit, signal);
    if (readiness === "ready") return;
    await kill();
    signal?.throwIfAborted();
    const secrets = [password, ...Object.values(options.users ?? {})];
    const shown = secrets.reduce(
      (text, secret) => text.replaceAll(secret, "(a secret)"),
      (await log()).slice(-LOG_EXCERPT),
    );
    if (readiness === "late") {
      const seconds = startLimit / 1000;
      const message = `Orthanc did not start within ${seconds} seconds. Its log:\n${shown}`;
      throw new LateStartError(message, seconds);
    }
    throw new StartError(`Orthanc did not start (${await guarded.ended}). Its log:\n${shown}`);
  };
  await ready();

  return {
    url,
    user: USER,
    password,
    get pid() {
      return guarded.pid;
    },
    ports,
    folder: task.folder,
    installation,
    request: client.request,
    send: (files) => sendDicom(installation, ports.dicom, files),
    log,
    logFile: task.log,
    ended: guarded.ended,
    stop,
    kill,
    restart: () => {
      guarded.restart();
      return ready();
    },
  };
}

/** Describes an Orthanc and its private folder. The guard creates the folder, so that none is left without a guard. */
function makeTask(
  installation: Installation,
  options: OrthancOptions & Pick<Orthanc, "ports" | "password">,
): GuardTask {
  const { script, files, links = {}, users, ports, password, limits } = options;
  const folder = path.resolve(tmpdir(), `orthanc-twins-${randomBytes(6).toString("base64url")}`);
  const storage = path.join(folder, "storage");
  const temporary = path.join(folder, "tmp");
  const configuration = makeConfiguration({
    installation,
    folder,
    storage,
    ports,
    users: { ...users, [USER]: password },
    script,
    settings: options.configuration,
  });
  const { command, args } = installation.orthanc;
  return {
    command,
    args: [...args, path.join(folder, CONFIGURATION)],
    env: {
      ...inheritedEnvironment(),
      ...installation.environment,
      ...options.environment,
      PYTHONUNBUFFERED: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      TMPDIR: temporary,
    },
    folder,
    folders: [storage, temporary],
    files: { ...files, [CONFIGURATION]: JSON.stringify(configuration, null, 2) },
    links,
    log: path.join(folder, "orthanc.log"),
    limits,
  };
}
