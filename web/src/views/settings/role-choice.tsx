/** A role that whoever chooses it may give. */
import type { Role } from '../../../../src/store/people/people-shapes.ts';
import { may } from '../../admin-api.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { ROLES, ROLE_TEXTS } from './role-texts.ts';

interface Props {
  role: Role;
  onChoose(role: Role): void;
}

export function RoleChoice({ role, onChoose }: Props) {
  const choices = ROLES.filter((name) => name !== 'owner' || may('owner')).map(
    (name) => [name, `${name} – ${ROLE_TEXTS[name]}`] as const,
  );
  return <ChoiceField label="Role" value={role} choices={choices} onChange={onChoose} />;
}
