/** People: invited by a link, with a role, kept to some sources, disabled, deleted. */
import { useState } from 'preact/hooks';
import type { SentInvitation, SentPersonChange } from '../../../../src/admin/sent-shapes.ts';
import type { InvitationMade, UserView } from '../../../../src/operate/accounts/account-shapes.ts';
import type { Role } from '../../../../src/store/people/people-shapes.ts';
import { may, me, send } from '../../admin-api.ts';
import { EnabledBadge } from '../../parts/badge.tsx';
import { Code } from '../../parts/code.tsx';
import { Dialog, FormDialog } from '../../parts/dialog.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { useChange } from '../../use-change.ts';
import type { Change } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { ChangeMember } from './change-member.tsx';
import { linkOf } from './invitation-link.ts';
import { Invitations } from './invitation-list.tsx';
import { rightsText } from './rights-text.ts';
import { RoleChoice } from './role-choice.tsx';

interface Link {
  email: string;
  url: string;
}

/** The tab of people. */
export function Members() {
  const { data, error, reload } = useLoaded<UserView[]>('/admin/users');
  const [turn, setTurn] = useState(0);
  const [isInviting, setInviting] = useState(false);
  const [link, setLink] = useState<Link>();
  return (
    <>
      <Section
        title="Members"
        actions={
          may('admin') && (
            <button type="button" onClick={() => setInviting(true)}>
              Invite
            </button>
          )
        }
      >
        <Problem error={error} />
        {data?.length === 0 && (
          <Empty>
            Nobody has an account yet: invite somebody. The first owner gets the link that the
            server printed at its start.
          </Empty>
        )}
        {data && data.length > 0 && (
          <MemberTable members={data} onLink={setLink} onChanged={reload} />
        )}
        {isInviting && (
          <Invite
            onClose={() => setInviting(false)}
            onInvited={(made) => {
              setTurn(turn + 1);
              setLink(made);
            }}
          />
        )}
        {link && <LinkDialog {...link} onClose={() => setLink(undefined)} />}
      </Section>
      {may('admin') && <Invitations turn={turn} onLink={setLink} />}
    </>
  );
}

interface TableProps {
  members: readonly UserView[];
  onLink(link: Link): void;
  onChanged(): void;
}

function MemberTable({ members, onLink, onChanged }: TableProps) {
  const [edited, setEdited] = useState<UserView>();
  const change = useChange(onChanged);
  const offerPassword = ({ id, email }: UserView): void => {
    void change.run(async () => {
      const path = `/admin/users/${id}/new-password`;
      const { invitation } = await send<InvitationMade>('POST', path);
      onLink({ email, url: linkOf(invitation) });
    });
  };
  return (
    <>
      <Problem error={change.error} />
      <Table label="Members" columns={['Name', 'Email', 'Role', 'Sources', 'State', '']}>
        {members.map((member) => (
          <tr key={member.id}>
            <td class="settings-text">{member.name}</td>
            <td class="settings-text">{member.email}</td>
            <td>{member.role}</td>
            <td class="settings-text">{rightsText(member)}</td>
            <td>
              <EnabledBadge isEnabled={member.isEnabled} />
            </td>
            <td>
              <MemberActions
                member={member}
                change={change}
                onEdit={() => setEdited(member)}
                onPassword={() => offerPassword(member)}
              />
            </td>
          </tr>
        ))}
      </Table>
      {edited && (
        <ChangeMember member={edited} onClose={() => setEdited(undefined)} onSaved={onChanged} />
      )}
    </>
  );
}

interface ActionsProps {
  member: UserView;
  change: Change;
  onEdit(): void;
  onPassword(): void;
}

function MemberActions({ member, change, onEdit, onPassword }: ActionsProps) {
  const { id, email, isEnabled, role } = member;
  if (!may(role === 'owner' ? 'owner' : 'admin')) return null;
  const path = `/admin/users/${id}`;
  const turn = (): void => {
    const done = isEnabled ? 'Disabled, and signed out everywhere' : 'Enabled';
    const body: SentPersonChange = { isEnabled: !isEnabled };
    change.make(() => send('PATCH', path, body), { done });
  };
  const remove = (): void => {
    const ask = `Delete ${email}? The audit log keeps what they did.`;
    change.make(() => send('DELETE', path), { ask, done: 'Deleted' });
  };
  return (
    <span class="actions">
      <RowButton text="Change" of={email} disabled={change.isRunning} onClick={onEdit} />
      <RowButton
        text="New password"
        of={`for ${email}`}
        disabled={change.isRunning}
        onClick={onPassword}
      />
      <RowButton
        text={isEnabled ? 'Disable' : 'Enable'}
        of={email}
        disabled={change.isRunning}
        onClick={turn}
      />
      {email !== me.value?.name && (
        <RowButton
          text="Delete"
          of={email}
          isDangerous
          disabled={change.isRunning}
          onClick={remove}
        />
      )}
    </span>
  );
}

interface InviteProps {
  onClose(): void;
  onInvited(link: Link): void;
}

function Invite({ onClose, onInvited }: InviteProps) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('member');
  const task = useTask();
  const invite = async (): Promise<void> => {
    const body: SentInvitation = { email, role };
    const made = await send<InvitationMade>('POST', '/admin/invitations', body);
    onInvited({ email, url: linkOf(made.invitation) });
  };
  return (
    <FormDialog
      title="Invite somebody"
      label="Make the link"
      onSubmit={invite}
      task={task}
      onClose={onClose}
    >
      <TextField
        label="Email"
        help="Nothing is sent: you get a link to give them."
        type="email"
        required
        maxLength={400}
        value={email}
        onChange={setEmail}
      />
      <RoleChoice role={role} onChoose={setRole} />
    </FormDialog>
  );
}

function LinkDialog({ email, url, onClose }: Link & { onClose(): void }) {
  return (
    <Dialog title="A link that works once" onClose={onClose}>
      <p>
        Give it to {email}: whoever opens it chooses the password of this account. It is not shown
        again.
      </p>
      <Code text={url} label="link" />
    </Dialog>
  );
}
