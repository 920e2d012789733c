import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface ConfirmDialogProps {
  readonly title: ComponentChildren;
  readonly children?: ComponentChildren;
  /** What the button says that does it. */
  readonly action: string;
  /** What the button says that does not. */
  readonly error: string;
  /** What is thrown is shown. */
  readonly onConfirm: (form: FormData) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks whether to do what can't be undone. It is closed once that is done. */
export function ConfirmDialog({
  title,
  children,
  action,
  error: refusal,
  onConfirm,
  onClose,
}: ConfirmDialogProps) {
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
            {refusal}
          </button>
          <button type="submit" class="danger">
            {action}
          </button>
        </footer>
      </form>
    </dialog>
  );
}
