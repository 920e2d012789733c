/** How many rows a key moves by: infinite for the first and the last row, undefined for other keys. */
export function rowStep(
  { key, ctrlKey, metaKey, altKey }: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">,
  page: number,
): number | undefined {
  if (ctrlKey || metaKey || altKey) return undefined;
  switch (key) {
    case "ArrowDown":
    case "j":
      return 1;
    case "ArrowUp":
    case "k":
      return -1;
    case "PageDown":
      return page;
    case "PageUp":
      return -page;
    case "Home":
      return -Infinity;
    case "End":
      return Infinity;
  }
  return undefined;
}

/** Whether the element itself, not a descendant, got the focus by keyboard. */
export function hasKeyboardFocus({ target }: FocusEvent, element: HTMLElement | null): boolean {
  return target === element && !!element?.matches(":focus-visible");
}
