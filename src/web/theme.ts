/** The colour theme: the system's, or the user's choice for this browser. */
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "tidemark.theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((known) => known === localStorage.getItem(KEY)) ?? "system");

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!; // one of them
  localStorage.setItem(KEY, theme.value);
}

theme.subscribe((shown) => {
  document.documentElement.dataset["theme"] = shown;
});
