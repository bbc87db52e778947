/** People: invited by a link, with a role, kept to some sources, disabled, deleted. */
import { useState } from 'preact/hooks';
import { may, me, send } from '../../admin-api.ts';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { Badge } from '../../parts/badge.tsx';
import { Code } from '../../parts/code.tsx';
import { Dialog, FormDialog } from '../../parts/dialog.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { ChangeMember } from './change-member.tsx';
import { linkOf } from './invitation-link.ts';
import { Invitations } from './invitation-list.tsx';
import { RoleChoice } from './role-choice.tsx';
import { rightsText } from './rights-text.ts';
import type { Member, Role } from './settings-shapes.ts';

/** The tab of people. */
export function Members() {
  const { data, error, reload } = useLoaded<Member[]>('/admin/users');
  const [turn, setTurn] = useState(0);
  const [isInviting, setInviting] = useState(false);
  const [changed, setChanged] = useState<Member>();
  const [link, setLink] = useState<{ email: string; url: string }>();
  const task = useTask();
  const act = (work: () => Promise<unknown>, done: string): void => {
    void task.run(async () => {
      await work();
      say(done);
      reload();
    });
  };
  const offerPassword = ({ id, email }: Member): void => {
    void task.run(async () => {
      const path = `/admin/users/${id}/new-password`;
      const { invitation } = await send<{ invitation: string }>('POST', path);
      setLink({ email, url: linkOf(invitation) });
    });
  };
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
        <Problem error={error ?? task.error} />
        {data?.length === 0 && (
          <Empty>
            Nobody has an account yet: invite somebody. The first owner gets the link that the
            server printed at its start.
          </Empty>
        )}
        {data && data.length > 0 && (
          <Table label="Members" columns={['Name', 'Email', 'Role', 'Sources', 'State', '']}>
            {data.map((member) => (
              <tr key={member.id}>
                <td class="settings-text">{member.name}</td>
                <td class="settings-text">{member.email}</td>
                <td>{member.role}</td>
                <td class="settings-text">{rightsText(member)}</td>
                <td>
                  <Badge tone={member.isEnabled ? 'good' : 'warn'}>
                    {member.isEnabled ? 'enabled' : 'disabled'}
                  </Badge>
                </td>
                <td>
                  <MemberActions
                    member={member}
                    isBusy={task.isRunning}
                    onChange={() => setChanged(member)}
                    onPassword={() => offerPassword(member)}
                    onAct={act}
                  />
                </td>
              </tr>
            ))}
          </Table>
        )}
        {isInviting && (
          <Invite
            onClose={() => setInviting(false)}
            onInvited={(email, invitation) => {
              setTurn(turn + 1);
              setLink({ email, url: linkOf(invitation) });
            }}
          />
        )}
        {changed && (
          <ChangeMember member={changed} onClose={() => setChanged(undefined)} onSaved={reload} />
        )}
        {link && <LinkDialog {...link} onClose={() => setLink(undefined)} />}
      </Section>
      {may('admin') && <Invitations turn={turn} onLink={setLink} />}
    </>
  );
}

interface ActionsProps {
  member: Member;
  isBusy: boolean;
  onChange(): void;
  onPassword(): void;
  onAct(work: () => Promise<unknown>, done: string): void;
}

function MemberActions({ member, isBusy, onChange, onPassword, onAct }: ActionsProps) {
  const { id, email, isEnabled, role } = member;
  if (!may(role === 'owner' ? 'owner' : 'admin')) return null;
  const path = `/admin/users/${id}`;
  return (
    <span class="actions">
      <button
        type="button"
        class="quiet"
        aria-label={`Change ${email}`}
        disabled={isBusy}
        onClick={onChange}
      >
        Change
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={`New password for ${email}`}
        disabled={isBusy}
        onClick={onPassword}
      >
        New password
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={`${isEnabled ? 'Disable' : 'Enable'} ${email}`}
        disabled={isBusy}
        onClick={() =>
          onAct(
            () => send('PATCH', path, { isEnabled: !isEnabled }),
            isEnabled ? 'Disabled, and signed out everywhere' : 'Enabled',
          )
        }
      >
        {isEnabled ? 'Disable' : 'Enable'}
      </button>
      {email !== me.value?.name && (
        <button
          type="button"
          class="danger"
          aria-label={`Delete ${email}`}
          disabled={isBusy}
          onClick={() => {
            if (!window.confirm(`Delete ${email}? The audit log keeps what they did.`)) return;
            onAct(() => send('DELETE', path), 'Deleted');
          }}
        >
          Delete
        </button>
      )}
    </span>
  );
}

interface InviteProps {
  onClose(): void;
  onInvited(email: string, invitation: string): void;
}

function Invite({ onClose, onInvited }: InviteProps) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('member');
  const task = useTask();
  const invite = async (): Promise<void> => {
    const body = { email, role };
    const made = await send<{ invitation: string }>('POST', '/admin/invitations', body);
    onInvited(email, made.invitation);
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

interface LinkProps {
  email: string;
  url: string;
  onClose(): void;
}

function LinkDialog({ email, url, onClose }: LinkProps) {
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
