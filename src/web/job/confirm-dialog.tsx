import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface ConfirmDialogProps {
  readonly title: ComponentChildren;
  readonly children?: ComponentChildren;
  readonly confirmLabel: string;
  readonly cancelLabel: string;
  /** The dialog shows the message of an error and stays open. */
  readonly onConfirm: (form: FormData) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for confirmation of an action that can't be undone, and closes once it is done. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, confirmLabel, cancelLabel, onConfirm, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const failure = useSignal("");
  useEffect(() => dialog.current!.showModal(), []);

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      await onConfirm(new FormData(event.currentTarget as HTMLFormElement)); // safe: the form's own event
      dialog.current!.close();
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };

  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="confirm-title">{title}</h2>
        {children}
        {failure.value && (
          <p class="failure-text" role="alert">
            {failure}
          </p>
        )}
        <footer>
          <button type="button" onClick={() => dialog.current!.close()}>
            {cancelLabel}
          </button>
          <button type="submit" class="danger">
            {confirmLabel}
          </button>
        </footer>
      </form>
    </dialog>
  );
}
