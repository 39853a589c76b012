import { useHistory } from "@docusaurus/router";
import useBaseUrl from "@docusaurus/useBaseUrl";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import styles from "./SearchDialog.module.css";
import { findPages, type Hit, loadIndex, type SearchIndex } from "./search.ts";

/** The search dialog: a field, and below it the parts of pages that contain the words. */
export default function SearchDialog({ onClose }: { onClose: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const folder = useBaseUrl("/pagefind/");
  const history = useHistory();
  // null: there is no index
  const [index, setIndex] = useState<SearchIndex | null>();
  const [query, setQuery] = useState("");
  const [hits, setHits] = useState<Hit[]>();
  const [active, setActive] = useState(0);

  useEffect(() => {
    dialog.current?.showModal();
    loadIndex(folder).then(setIndex, () => setIndex(null));
  }, [folder]);

  useEffect(() => {
    let outdated = false;
    if (index && query.trim() !== "") {
      findPages(index, query).then((found) => {
        if (!outdated && found !== undefined) {
          setHits(found);
          setActive(0);
        }
      });
    } else {
      setHits(undefined);
    }
    return () => {
      outdated = true;
    };
  }, [index, query]);

  const open = (hit: Hit) => {
    dialog.current?.close();
    history.push(hit.url);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const count = hits?.length ?? 0;
    const step = { ArrowDown: 1, ArrowUp: count - 1 }[event.key];
    if (count > 0 && step !== undefined) {
      event.preventDefault();
      const next = (active + step) % count;
      setActive(next);
      list.current?.children[next]?.scrollIntoView({ block: "nearest" });
    }
    const hit = hits?.[active];
    if (event.key === "Enter" && hit !== undefined) {
      event.preventDefault();
      open(hit);
    }
  };

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click outside closes, as Escape does by itself
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label="Search"
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
    >
      <div className={styles.content}>
        <div className={styles.field}>
          <input
            autoFocus
            type="text"
            role="combobox"
            aria-label="Search the pages"
            aria-autocomplete="list"
            aria-expanded={hits !== undefined && hits.length > 0}
            aria-controls="search-hits"
            aria-activedescendant={hits?.[active] && `search-hit-${active}`}
            placeholder="Search the pages"
            autoComplete="off"
            spellCheck={false}
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            onKeyDown={onKeyDown}
          />
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        <div ref={list} id="search-hits" role="listbox" aria-label="Found" className={styles.hits}>
          {hits?.map((hit, position) => (
            <a
              key={hit.url}
              id={`search-hit-${position}`}
              role="option"
              aria-selected={position === active}
              tabIndex={-1}
              href={hit.url}
              onClick={(event) => {
                event.preventDefault();
                open(hit);
              }}
            >
              <span className={styles.title}>
                {hit.page}
                {hit.part !== undefined && <> › {hit.part}</>}
              </span>
              {/* biome-ignore lint/security/noDangerouslySetInnerHtml: escaped by Pagefind, which marks the words */}
              <span className={styles.excerpt} dangerouslySetInnerHTML={{ __html: hit.excerpt }} />
            </a>
          ))}
        </div>
        <p role="status" className={styles.status}>
          {status(index, query, hits)}
        </p>
      </div>
    </dialog>
  );
}

function status(index: SearchIndex | null | undefined, query: string, hits?: Hit[]): ReactNode {
  if (index === null) {
    return (
      <>
        There is no search index here: it is made with the production build. Run{" "}
        <code>npm run build && npm run serve</code> to search.
      </>
    );
  }
  if (hits === undefined) {
    return query.trim() === "" ? "Type a word; arrow keys choose, Enter opens." : "Searching…";
  }
  if (hits.length === 0) {
    return `Nothing found for “${query.trim()}”.`;
  }
  return `${hits.length} found`;
}
