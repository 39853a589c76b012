/** Formats milliseconds as seconds, such as `1.25 s`; below 0.1 s with three decimals. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  return `${seconds.toFixed(seconds < 0.1 ? 3 : 2)} s`;
}

/** Formats milliseconds on an axis: seconds without trailing zeros, such as `0.5 s`, and `0` at its start. */
export function formatTick(milliseconds: number): string {
  return milliseconds === 0 ? "0" : `${Number((milliseconds / 1000).toFixed(3))} s`;
}
