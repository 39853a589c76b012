/** Picks the one example or hazard that `npm run test:example` has named; without it, all of them. */
export function selected(ids: string[]): string[] {
  const { EXAMPLE } = process.env;
  return EXAMPLE === undefined ? ids : ids.filter((id) => id === EXAMPLE);
}
