/** Who was invited and has no account yet: a new link, or none any more. */
import { useEffect } from 'preact/hooks';
import type { SentInvitation } from '../../../../src/admin/sent-shapes.ts';
import type {
  InvitationMade,
  InvitationView,
} from '../../../../src/operate/accounts/account-shapes.ts';
import { send } from '../../admin-api.ts';
import { time } from '../../format.ts';
import { Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { linkOf } from './invitation-link.ts';
import { rightsText } from './rights-text.ts';

interface Props {
  /** Loaded again when it changes. */
  turn: number;
  onLink(link: { email: string; url: string }): void;
}

export function Invitations({ turn, onLink }: Props) {
  const { data, error, reload } = useLoaded<InvitationView[]>('/admin/invitations');
  const change = useChange(reload);
  // The list is loaded when it is first shown, too.
  useEffect(reload, [turn]);
  const offer = ({ email, role, sources }: InvitationView): void => {
    change.make(async () => {
      const body: SentInvitation = { email, role, sources };
      const made = await send<InvitationMade>('POST', '/admin/invitations', body);
      onLink({ email, url: linkOf(made.invitation) });
    });
  };
  const withdraw = ({ email }: InvitationView): void => {
    const path = `/admin/invitations/${encodeURIComponent(email)}`;
    change.make(() => send('DELETE', path), { done: 'Withdrawn' });
  };
  if (!data?.length) return <Problem error={error ?? change.error} />;
  return (
    <Section title="Invited">
      <Problem error={error ?? change.error} />
      <Table label="Invited" columns={['Email', 'Role', 'Sources', 'Until', '']}>
        {data.map((invitation) => (
          <tr key={invitation.email}>
            <td class="settings-text">{invitation.email}</td>
            <td>{invitation.role}</td>
            <td class="settings-text">{rightsText(invitation)}</td>
            <td>{time(invitation.expiresAt)}</td>
            <td>
              <span class="actions">
                <RowButton
                  text="New link"
                  of={`for ${invitation.email}`}
                  disabled={change.isRunning}
                  onClick={() => offer(invitation)}
                />
                <RowButton
                  text="Withdraw"
                  of={invitation.email}
                  isDangerous
                  disabled={change.isRunning}
                  onClick={() => withdraw(invitation)}
                />
              </span>
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
