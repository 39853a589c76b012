import { lazy, type ReactNode, Suspense, useEffect, useMemo, useReducer, useState } from "react";
import { LANGUAGE_NAMES } from "../format/languages.ts";
import type { ExampleFiles, RunEvent, SyntaxIssue } from "../protocol/live.ts";
import type { Twin } from "../protocol/programs.ts";
import { recall, remember } from "./browserStorage.ts";
import styles from "./LiveRun.module.css";
import { fetchFiles, followRun, startRun, stopRun } from "./liveClient.ts";
import { applyEvent, initialState, type LiveState } from "./liveState.ts";
import { Timeline } from "./Timeline.tsx";
import { Transcript } from "./Transcript.tsx";
import { useEdits } from "./useEdits.ts";

const Editor = lazy(() => import("./Editor.tsx"));

const NONE: SyntaxIssue[] = [];

type Action =
  | RunEvent
  | { type: "requested" }
  | { type: "refused"; reason: string }
  | { type: "connection"; lost: boolean }
  | { type: "gone"; reason: string };

function reduce(state: LiveState, action: Action): LiveState {
  switch (action.type) {
    case "requested":
      return { ...initialState, status: "The run is requested.", running: true };
    case "refused":
      return {
        ...initialState,
        status: action.reason,
        end: { how: "failed", reason: action.reason },
      };
    case "connection":
      return { ...state, lost: action.lost && state.running };
    case "gone":
      return { ...state, status: action.reason, running: false, lost: false };
  }
  return applyEvent(state, action);
}

/**
 * Runs an example on a live Orthanc, and shows its progress.
 * @param props.recorded shown until the reader has started a run
 */
export default function LiveRun(props: { example: string; recorded: ReactNode }): ReactNode {
  const { example, recorded } = props;
  const storageKey = `orthanc-twins-run-${example}`;
  const [files, setFiles] = useState<ExampleFiles>();
  const [calls, setCalls] = useState<number>();
  const [id, setId] = useState<string>();
  const [state, dispatch] = useReducer(reduce, initialState);
  const [editing, setEditing] = useState(false);
  const { edited, outdated, edit, reset, kept } = useEdits(example);
  const changes = Object.keys(edited);
  const originals = { ...files?.files.python, ...files?.files.typescript };
  const old = changes.filter((file) => files && outdated(file, originals[file] ?? ""));

  // After a reload, a run that has not ended is shown again.
  useEffect(() => {
    setId(recall("sessionStorage", storageKey));
  }, [storageKey]);

  useEffect(() => {
    fetchFiles(example).then(setFiles, (error) =>
      dispatch({ type: "refused", reason: error.message }),
    );
  }, [example]);

  useEffect(() => {
    if (id === undefined) return;
    dispatch({ type: "requested" });
    return followRun(id, {
      event: dispatch,
      connection: (lost) => dispatch({ type: "connection", lost }),
      gone: (reason) => {
        remember("sessionStorage", storageKey, undefined);
        setId(undefined);
        dispatch({ type: "gone", reason });
      },
    });
  }, [id, storageKey]);

  const run = async (twins: Twin[]) => {
    dispatch({ type: "requested" });
    try {
      const started = await startRun({ example, twins, calls, edited });
      remember("sessionStorage", storageKey, started);
      setId(started);
    } catch (error) {
      dispatch({ type: "refused", reason: (error as Error).message });
    }
  };

  const stop = async (run: string) => {
    try {
      await stopRun(run);
    } catch (error) {
      // Without an answer, no event will follow.
      setId(undefined);
      dispatch({ type: "gone", reason: (error as Error).message });
    }
  };

  const { running } = state;
  const shown = running || state.end !== undefined || Object.keys(state.twins).length > 0;
  return (
    <section
      className={styles.panel}
      id={`run-${example}`}
      aria-label={`Live run of ${example}`}
      data-live={example}
    >
      <div className={styles.tools}>
        <button type="button" disabled={running} onClick={() => run(["python"])}>
          Run Python
        </button>
        <button type="button" disabled={running} onClick={() => run(["typescript"])}>
          Run TypeScript
        </button>
        <button type="button" disabled={running} onClick={() => run(["python", "typescript"])}>
          Run both
        </button>
        <button type="button" disabled={!running || !id} onClick={() => id && stop(id)}>
          Stop
        </button>
        <button
          type="button"
          disabled={!files}
          aria-expanded={editing}
          onClick={() => setEditing(!editing)}
        >
          Edit
        </button>
        {files?.calls !== undefined && (
          <label>
            Calls at once{" "}
            <select
              value={calls ?? files.calls}
              disabled={running}
              onChange={(event) => setCalls(Number(event.target.value))}
            >
              {[1, 2, 3, 4, 5, 6, 7, 8].map((count) => (
                <option key={count} value={count}>
                  {count}
                  {count === files.calls && " (the example's own)"}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <p className={styles.status} role="status">
        {state.lost ? "The server does not answer. Trying again …" : state.status}
      </p>
      {running && (
        <progress
          className={styles.progress}
          aria-label="Calls answered"
          max={Math.max(1, state.calls)}
          value={state.calls > 0 ? state.answered : undefined}
        />
      )}
      {changes.length > 0 && (
        <p className={styles.status}>
          You have changed {changes.join(", ")}; it runs as changed.{" "}
          {!kept && "Your browser does not keep the change for the next time. "}
          {old.length > 0 && `The example's own ${old.join(", ")} is another one since then. `}
          <button type="button" onClick={reset}>
            Reset
          </button>
        </p>
      )}
      {editing && files && (
        <Suspense fallback={<p className={styles.status}>The editor loads.</p>}>
          <Files
            files={originals}
            edited={edited}
            issues={state.end?.how === "invalid" ? state.end.issues : NONE}
            onEdit={edit}
          />
        </Suspense>
      )}
      {state.end?.how === "invalid" && (
        <Findings
          title="Syntax errors"
          sentences={state.end.issues.map(
            ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
          )}
        />
      )}
      {shown ? <Live state={state} /> : recorded}
    </section>
  );
}

/** An editor for one of the files, and the choice of the file. */
function Files(props: {
  files: Record<string, string>;
  edited: Record<string, string>;
  issues: SyntaxIssue[];
  onEdit: (file: string, text: string, original: string) => void;
}): ReactNode {
  const { files, edited, issues, onEdit } = props;
  const names = Object.keys(files);
  const [chosen, setChosen] = useState(names[0] ?? "");
  const wrong = issues[0]?.file;
  useEffect(() => {
    if (wrong !== undefined) setChosen(wrong);
  }, [wrong]);
  const original = files[chosen] ?? "";
  const own = useMemo(() => issues.filter(({ file }) => file === chosen), [issues, chosen]);
  return (
    <div className={styles.editor}>
      <label>
        File{" "}
        <select value={chosen} onChange={(event) => setChosen(event.target.value)}>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Editor
        key={chosen}
        file={chosen}
        text={edited[chosen] ?? original}
        issues={own}
        onChange={(text) => onEdit(chosen, text, original)}
      />
    </div>
  );
}

function Live({ state }: { state: LiveState }): ReactNode {
  const { twins, log, end } = state;
  return (
    <>
      {end?.how === "played" && (
        <Findings title="The twins differ" sentences={end.differences ?? []} />
      )}
      {end?.how === "played" && (
        <Findings
          title={
            end.edited.length > 0
              ? `Not as the example expects, now that ${end.edited.join(", ")} is changed`
              : "Not as the example expects"
          }
          sentences={end.unexpected}
        />
      )}
      {end?.how === "failed" && <pre className={styles.log}>{end.reason}</pre>}
      <Timeline twins={twins} />
      <Transcript twins={twins} />
      {Object.entries(log).map(([twin, text]) => (
        <details key={twin} className={styles.fold}>
          <summary>Log of Orthanc and the {LANGUAGE_NAMES[twin as Twin]} twin</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keyboard too */}
          <pre className={styles.log} tabIndex={0}>
            {text}
          </pre>
        </details>
      ))}
      {end?.how === "played" && (
        <p className={styles.versions}>
          Live, on Orthanc {end.versions.orthanc} with its Python plugin {end.versions.plugin},
          Python {end.versions.python}, Node {end.versions.node}.
        </p>
      )}
    </>
  );
}

function Findings({ title, sentences }: { title: string; sentences: string[] }): ReactNode {
  if (sentences.length === 0) return null;
  return (
    <div className={styles.findings}>
      <p>{title}:</p>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}
