/** Write keys: shown once, rotated with an overlap, disabled. */
import { useState } from 'preact/hooks';
import type { SentRotation } from '../../../../src/admin/sent-shapes.ts';
import type {
  KeyMade,
  KeyReplaced,
  KeyView,
  SourceDetail,
} from '../../../../src/operate/sources/source-shapes.ts';
import { mayWrite, send } from '../../admin-api.ts';
import { time } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { Code } from '../../parts/code.tsx';
import { FormDialog } from '../../parts/dialog.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useChange } from '../../use-change.ts';
import { useTask } from '../../use-task.ts';

interface Props {
  source: SourceDetail;
  freshKey: string | undefined;
  onKey(key: string): void;
  onChange(): void;
}

const HOUR_SECONDS = 3_600;
const OVERLAPS: readonly (readonly [seconds: string, text: string])[] = [
  ['0', 'at once (the key leaked)'],
  [String(HOUR_SECONDS), '1 hour'],
  [String(12 * HOUR_SECONDS), '12 hours'],
  [String(7 * 24 * HOUR_SECONDS), '7 days'],
  [String(30 * 24 * HOUR_SECONDS), '30 days'],
];

export function Keys({ source, freshKey, onKey, onChange }: Props) {
  const [rotating, setRotating] = useState<KeyView>();
  const change = useChange(onChange);
  const path = `/admin/sources/${source.slug}/keys`;
  const make = (): void => {
    void change.run(async () => {
      onKey((await send<KeyMade>('POST', path)).writeKey);
    });
  };
  const disable = ({ id, hint }: KeyView): void => {
    const ask = `Disable ${hint}? What is sent with it is answered 401 at once.`;
    change.make(() => send('POST', `${path}/${id}/disable`), { ask });
  };
  return (
    <>
      <Problem error={change.error} />
      {freshKey !== undefined && (
        <div>
          <p>
            <strong>The new key, shown only now.</strong> Copy it to where it is used.
          </p>
          <Code text={freshKey} label="write key" />
        </div>
      )}
      <Table label="Write keys" columns={['Key', 'State', 'Made', 'Last used', '']}>
        {source.keys.map((key) => (
          <KeyRow
            key={key.id}
            own={key}
            mayChange={mayWrite(source.slug)}
            onRotate={() => setRotating(key)}
            onDisable={() => disable(key)}
          />
        ))}
      </Table>
      {mayWrite(source.slug) && (
        <div>
          <button type="button" class="quiet" disabled={change.isRunning} onClick={make}>
            New key
          </button>
        </div>
      )}
      {rotating && (
        <Rotate own={rotating} path={path} onClose={() => setRotating(undefined)} onKey={onKey} />
      )}
    </>
  );
}

interface RowProps {
  own: KeyView;
  mayChange: boolean;
  onRotate(): void;
  onDisable(): void;
}

function KeyRow({ own, mayChange, onRotate, onDisable }: RowProps) {
  return (
    <tr>
      <td>
        <code>{own.hint}</code>
      </td>
      <td>
        <KeyState own={own} />
      </td>
      <td>
        <Time value={own.createdAt} isExact />
      </td>
      <td>
        <Time value={own.lastUsedAt} />
      </td>
      <td>
        {mayChange && own.state === 'active' && (
          <span class="actions">
            {own.expiresAt === null && <RowButton text="Rotate" of={own.hint} onClick={onRotate} />}
            <RowButton text="Disable" of={own.hint} isDangerous onClick={onDisable} />
          </span>
        )}
      </td>
    </tr>
  );
}

function KeyState({ own }: { own: KeyView }) {
  if (own.state === 'disabled') return <Badge tone="bad">disabled</Badge>;
  if (own.expiresAt === null) return <Badge tone="good">active</Badge>;
  const isOver = new Date(own.expiresAt).getTime() <= Date.now();
  return isOver ? (
    <Badge tone="bad">ended</Badge>
  ) : (
    <Badge tone="warn">valid until {time(own.expiresAt)}</Badge>
  );
}

interface RotateProps {
  own: KeyView;
  path: string;
  onClose(): void;
  onKey(key: string): void;
}

function Rotate({ own, path, onClose, onKey }: RotateProps) {
  const [overlap, setOverlap] = useState(String(12 * HOUR_SECONDS));
  const task = useTask();
  const rotate = async (): Promise<void> => {
    const body: SentRotation = { overlapSeconds: Number(overlap) };
    onKey((await send<KeyReplaced>('POST', `${path}/${own.id}/rotate`, body)).writeKey);
  };
  return (
    <FormDialog
      title={`Rotate ${own.hint}`}
      label="Rotate the key"
      onSubmit={rotate}
      task={task}
      onClose={onClose}
    >
      <p>
        A new key is made. The old one goes on working for the overlap, so that nothing is lost
        while you put the new one in place; then it is answered 401.
      </p>
      <ChoiceField
        label="The old key ends after"
        value={overlap}
        choices={OVERLAPS}
        onChange={setOverlap}
      />
    </FormDialog>
  );
}
