/** Name, role and sources of somebody. */
import { useState } from 'preact/hooks';
import type { SentPersonChange } from '../../../../src/admin/sent-shapes.ts';
import type { UserView } from '../../../../src/operate/accounts/account-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import type { SourceRights } from '../../../../src/store/people/people-shapes.ts';
import { send } from '../../admin-api.ts';
import { FormDialog } from '../../parts/dialog.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { RoleChoice } from './role-choice.tsx';

interface Props {
  member: UserView;
  onClose(): void;
  onSaved(): void;
}

/** The dialog of one member. Whoever is changed has to sign in again. */
export function ChangeMember({ member, onClose, onSaved }: Props) {
  const [name, setName] = useState(member.name);
  const [role, setRole] = useState(member.role);
  const [sources, setSources] = useState<SourceRights | null>(member.sources);
  const task = useTask();
  const canBeKept = role === 'viewer' || role === 'member';
  const save = async (): Promise<void> => {
    const body: SentPersonChange = { name, role, sources };
    await send('PATCH', `/admin/users/${member.id}`, body);
    say('Saved; they sign in again');
    onSaved();
  };
  return (
    <FormDialog
      title={`Change ${member.email}`}
      label="Save"
      onSubmit={save}
      task={task}
      onClose={onClose}
    >
      <TextField label="Name" required maxLength={200} value={name} onChange={setName} />
      <RoleChoice role={role} onChoose={setRole} />
      {canBeKept && <Rights rights={sources} role={role} onChange={setSources} />}
    </FormDialog>
  );
}

interface RightsProps {
  rights: SourceRights | null;
  role: string;
  onChange(rights: SourceRights | null): void;
}

function Rights({ rights, role, onChange }: RightsProps) {
  const { data, error } = useLoaded<ListedSource[]>('/admin/sources');
  const slugs = [
    ...new Set([
      ...(data?.map(({ slug }) => slug) ?? []),
      // A source that is no more can be taken away from somebody.
      ...(rights ? [...rights.read, ...rights.write] : []),
    ]),
  ];
  const set = (right: keyof SourceRights, slug: string, isGiven: boolean): void => {
    const before = rights ?? { read: [], write: [] };
    const others = before[right].filter((own) => own !== slug);
    onChange({ ...before, [right]: isGiven ? [...others, slug] : others });
  };
  return (
    <fieldset>
      <legend>Sources</legend>
      <label>
        <input
          type="checkbox"
          checked={rights === null}
          onChange={(event) => {
            onChange(event.currentTarget.checked ? null : { read: [], write: [] });
          }}
        />{' '}
        All sources, also those to come
      </label>
      <Problem error={error} />
      {rights !== null && (
        <Table label="Rights by source" columns={['Source', 'Sees', 'Changes']}>
          {slugs.map((slug) => (
            <tr key={slug}>
              <th scope="row">{slug}</th>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Sees ${slug}`}
                  checked={rights.read.includes(slug) || rights.write.includes(slug)}
                  disabled={rights.write.includes(slug)}
                  onChange={(event) => set('read', slug, event.currentTarget.checked)}
                />
              </td>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Changes ${slug}`}
                  checked={rights.write.includes(slug)}
                  disabled={role === 'viewer'}
                  onChange={(event) => set('write', slug, event.currentTarget.checked)}
                />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </fieldset>
  );
}
