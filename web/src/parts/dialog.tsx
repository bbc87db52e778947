/** A modal dialog: the browser's own, which keeps the focus and closes with Escape. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { TaskForm } from './task-form.tsx';
import type { TaskFormProps } from './task-form.tsx';

interface Props {
  title: string;
  onClose(): void;
  children: ComponentChildren;
}

/** Open as long as it is there. */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const own = dialog.current;
    own?.showModal();
    return () => own?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={heading} onClose={onClose}>
      <div class="dialog-head">
        <h2 id={heading}>{title}</h2>
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      </div>
      {children}
    </dialog>
  );
}

/** A dialog that asks for something: it closes when `onSubmit` is through, and stays when not. */
export function FormDialog({ title, onClose, onSubmit, ...form }: Props & TaskFormProps) {
  const submit = async (own: HTMLFormElement): Promise<void> => {
    await onSubmit(own);
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <TaskForm {...form} onSubmit={submit} />
    </Dialog>
  );
}
