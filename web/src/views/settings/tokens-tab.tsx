/** API tokens: made with a role and an end, shown once, revoked. */
import { useState } from 'preact/hooks';
import type { SentToken } from '../../../../src/admin/sent-shapes.ts';
import type { TokenMade, TokenView } from '../../../../src/operate/accounts/account-shapes.ts';
import type { Role } from '../../../../src/store/people/people-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { Badge } from '../../parts/badge.tsx';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { Code } from '../../parts/code.tsx';
import { Dialog, FormDialog } from '../../parts/dialog.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { Time } from '../../parts/time.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { RoleChoice } from './role-choice.tsx';

const DAY_MS = 86_400_000;
const ENDS: readonly (readonly [days: string, text: string])[] = [
  ['30', 'in 30 days'],
  ['90', 'in 90 days'],
  ['365', 'in a year'],
  ['', 'never'],
];

/** The tab of tokens; for admins. */
export function Tokens() {
  const { data, error, reload } = useLoaded<TokenView[]>(may('admin') ? '/admin/tokens' : null);
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const change = useChange(reload);
  const revoke = ({ id, name }: TokenView): void => {
    const ask = `Revoke “${name}”? Whatever uses it is refused at once.`;
    change.make(() => send('DELETE', `/admin/tokens/${id}`), { ask, done: 'Revoked' });
  };
  if (!may('admin')) return <Empty>Tokens are for admins. Ask one for a token.</Empty>;
  return (
    <Section
      title="API tokens"
      actions={
        <button type="button" onClick={() => setMaking(true)}>
          New token
        </button>
      }
    >
      <p class="muted">
        For scripts and Segment's Public API: <code>Authorization: Bearer mrt_…</code>
      </p>
      <Problem error={error ?? change.error} />
      {data?.length === 0 && <Empty>There is no token yet. Make one for each script.</Empty>}
      {data && data.length > 0 && (
        <Table
          label="API tokens"
          columns={['Name', 'Begins with', 'Role', 'Made', 'Last used', 'Ends', '']}
        >
          {data.map((token) => (
            <TokenRow
              key={token.id}
              token={token}
              isBusy={change.isRunning}
              onRevoke={() => revoke(token)}
            />
          ))}
        </Table>
      )}
      {isMaking && (
        <NewToken
          onClose={() => setMaking(false)}
          onMade={(token) => {
            setSecret(token);
            reload();
          }}
        />
      )}
      {secret !== undefined && (
        <Dialog title="The new token" onClose={() => setSecret(undefined)}>
          <p>Copy it now: only a digest of it is kept, and it is not shown again.</p>
          <Code text={secret} label="token" />
        </Dialog>
      )}
    </Section>
  );
}

interface RowProps {
  token: TokenView;
  isBusy: boolean;
  onRevoke(): void;
}

function TokenRow({ token, isBusy, onRevoke }: RowProps) {
  const { name, hint, role, createdBy, createdAt, lastUsedAt, expiresAt, isRevoked } = token;
  const isOver = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  return (
    <tr>
      <td class="settings-text">{name}</td>
      <td>
        <code>{hint}…</code>
      </td>
      <td>{role}</td>
      <td>
        <Time value={createdAt} /> by {createdBy}
      </td>
      <td>
        <Time value={lastUsedAt} />
      </td>
      <td>
        {isRevoked ? (
          <Badge tone="warn">revoked</Badge>
        ) : isOver ? (
          <Badge tone="warn">ended</Badge>
        ) : (
          <Time value={expiresAt} isExact />
        )}
      </td>
      <td>
        {!isRevoked && (
          <RowButton
            text="Revoke"
            of={name}
            isDangerous
            disabled={isBusy || (role === 'owner' && !may('owner'))}
            onClick={onRevoke}
          />
        )}
      </td>
    </tr>
  );
}

interface NewTokenProps {
  onClose(): void;
  onMade(token: string): void;
}

function NewToken({ onClose, onMade }: NewTokenProps) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('member');
  const [days, setDays] = useState('90');
  const task = useTask();
  const make = async (): Promise<void> => {
    const endMs = Date.now() + Number(days) * DAY_MS;
    const expiresAt = days === '' ? null : new Date(endMs).toISOString();
    const body: SentToken = { name, role, expiresAt };
    onMade((await send<TokenMade>('POST', '/admin/tokens', body)).token);
  };
  return (
    <FormDialog title="New token" label="Make token" onSubmit={make} task={task} onClose={onClose}>
      <TextField
        label="Name"
        help="What uses it, such as Terraform."
        required
        maxLength={200}
        value={name}
        onChange={setName}
      />
      <RoleChoice role={role} onChoose={setRole} />
      <ChoiceField label="It ends" value={days} choices={ENDS} onChange={setDays} />
    </FormDialog>
  );
}
