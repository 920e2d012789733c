/**
 * Copies a text to the clipboard. Without TLS only localhost has the Clipboard API; elsewhere the page copies a
 * selection, which must be in the open dialog.
 */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
