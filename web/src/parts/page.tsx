/** The head of a view and its content. */
import type { ComponentChildren } from 'preact';

interface Props {
  title: ComponentChildren;
  /** Buttons and links beside the title. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A view begins with it; its heading gets the focus when one comes to the view. */
export function Page({ title, actions, children }: Props) {
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>{title}</h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A part of a view with a heading of its own. */
export function Section({ title, actions, children }: Props) {
  return (
    <section class="card">
      <div class="card-head">
        <h2>{title}</h2>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

/** Says what to do when there is nothing to show yet. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}
