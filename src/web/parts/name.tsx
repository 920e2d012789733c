/** Untrusted text: isolated from the text direction around it, cut to fit, and shown in full on hover. */
export function Name({ text, className = "" }: { readonly text: string; readonly className?: string }) {
  return (
    <bdi class={`name ${className}`} title={text}>
      {text}
    </bdi>
  );
}
