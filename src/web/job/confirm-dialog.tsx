import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Dialog } from "../parts/dialog.js";

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
  const failure = useSignal("");

  const submit = async (event: SubmitEvent, close: () => void): Promise<void> => {
    event.preventDefault();
    try {
      await onConfirm(new FormData(event.currentTarget as HTMLFormElement)); // safe: the form's own event
      close();
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };

  return (
    <Dialog name="confirm" title={title} onClose={onClose}>
      {(close) => (
        <form onSubmit={(event) => submit(event, close)}>
          {children}
          {failure.value && (
            <p class="failure-text" role="alert">
              {failure}
            </p>
          )}
          <footer>
            <button type="button" onClick={close}>
              {cancelLabel}
            </button>
            <button type="submit" class="danger">
              {confirmLabel}
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}
