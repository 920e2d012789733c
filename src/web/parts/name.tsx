/** A name that somebody else has given: whatever is in it stays in its place, and is seen whole on hover. */
export function Name({ text, className = "" }: { readonly text: string; readonly className?: string }) {
  return (
    <bdi class={`name ${className}`} title={text}>
      {text}
    </bdi>
  );
}
