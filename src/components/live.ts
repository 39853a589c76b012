import { SECRET_META } from "../live/events.ts";

/** The secret that this page was served with; undefined where its server runs nothing. */
export function secretOfPage(): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="${SECRET_META}"]`)?.content;
}
