const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });

/**
 * Formats the date of a moment in UTC, such as `27 November 2026`.
 * @param moment ISO 8601
 */
export function formatDate(moment: string): string {
  return dates.format(new Date(moment));
}
