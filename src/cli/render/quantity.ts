/** "1 job", "1,200 jobs". */
export function many(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** "1,200". */
export function whole(count: number): string {
  return WHOLE.format(count);
}

/** "1.2K/s", "0.35/s": three digits say how fast it goes. */
export function perSecond(rate: number): string {
  return `${SHORT.format(rate)}/s`;
}

/** "512 B", "1.5 MB": a person compares sizes by their first digits. */
export function bytes(count: number): string {
  const exponent = count < 1_000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1_000 ** exponent;
  return `${exponent === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[exponent]}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;
const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
