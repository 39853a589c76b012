import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import styles from "./SearchBar.module.css";

// No part of the search is loaded before a reader opens it.
const SearchDialog = lazy(() => import("../components/SearchDialog.tsx"));

/** The button in the navigation bar that opens the search, as do "/" and Ctrl+K. */
export default function SearchBar(): ReactNode {
  const [open, setOpen] = useState(false);

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const inControlK = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
      const inText =
        event.target instanceof HTMLElement &&
        (event.target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName));
      if (inControlK || (event.key === "/" && !inText)) {
        event.preventDefault();
        setOpen(true);
      }
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);

  return (
    <>
      <button
        type="button"
        className={styles.button}
        aria-haspopup="dialog"
        data-needs-scripts
        onClick={() => setOpen(true)}
      >
        <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
          <circle cx="8.5" cy="8.5" r="5.5" />
          <path d="m13 13 4.5 4.5" />
        </svg>
        Search
        <span className={styles.key} aria-hidden="true">
          /
        </span>
      </button>
      {open && (
        <Suspense>
          <SearchDialog onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
