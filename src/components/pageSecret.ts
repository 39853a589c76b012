import { SECRET_META } from "../protocol/live.ts";

/** Returns the secret that this page was served with; undefined if its server runs no examples. */
export function pageSecret(): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="${SECRET_META}"]`)?.content;
}
