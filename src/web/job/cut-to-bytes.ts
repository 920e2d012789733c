/** The longest start of a text that has at most `bytesMax` bytes in UTF-8, without a part of a character. */
export function cutToBytes(text: string, bytesMax: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytesMax));
  return text.slice(0, read);
}
