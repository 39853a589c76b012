/** Formats a whole number with separators, such as `1,000,000`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-GB");
}

/** Formats a ratio in words, such as `1.5 times`; from 10 on without decimals. */
export function formatRatio(ratio: number): string {
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} times`;
}
