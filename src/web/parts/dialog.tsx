import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface DialogProps {
  /** The class of the dialog, and the start of the id of its title. */
  readonly name: string;
  readonly title: ComponentChildren;
  /** @param close closes the dialog and returns the focus to where it was */
  readonly children: (close: () => void) => ComponentChildren;
  readonly onClose: () => void;
}

/** A modal dialog, open while it is rendered. Escape closes it. */
export function Dialog({ name, title, children, onClose }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} class={name} aria-labelledby={`${name}-title`} onClose={onClose}>
      <h2 id={`${name}-title`}>{title}</h2>
      {children(() => dialog.current!.close())}
    </dialog>
  );
}
