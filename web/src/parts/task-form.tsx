/**
 * A form whose content the server may refuse: one request at a time, and what is wrong is said
 * where one has just pressed, or beside its field.
 */
import type { ComponentChildren } from 'preact';
import { ApiError } from '../admin-api.ts';
import type { Task } from '../use-task.ts';
import { Problem } from './problem.tsx';

export interface TaskFormProps {
  task: Task;
  /** Of the button that sends it. */
  label: string;
  isDangerous?: boolean;
  /** False: what is given is not yet worth sending. */
  isComplete?: boolean;
  /** Fields that show `task.problemOf` themselves, by the server's names. */
  ownFields?: readonly string[];
  /** Says itself what is missing, instead of the browser. */
  noValidate?: boolean;
  /** Buttons beside the one that sends it. */
  actions?: ComponentChildren;
  children: ComponentChildren;
  onSubmit(form: HTMLFormElement): Promise<unknown>;
}

/** The fields, what is wrong, and the buttons. */
export function TaskForm(props: TaskFormProps) {
  const { task, label, isDangerous = false, isComplete = true, noValidate = false } = props;
  const { ownFields = [], actions, children, onSubmit } = props;
  const { error, isRunning } = task;
  const isSaid = error instanceof ApiError && ownFields.includes(error.field ?? '');
  const submit = (event: Event & { currentTarget: HTMLFormElement }): void => {
    event.preventDefault();
    const form = event.currentTarget;
    void task.run(() => onSubmit(form));
  };
  return (
    <form class="fields" onSubmit={submit} noValidate={noValidate}>
      {children}
      {!isSaid && <Problem error={error} />}
      <div class="actions">
        <button
          type="submit"
          class={isDangerous ? 'danger' : undefined}
          disabled={isRunning || !isComplete}
        >
          {label}
        </button>
        {actions}
      </div>
    </form>
  );
}
