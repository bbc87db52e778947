/** A role that whoever chooses it may give. */
import { may } from '../../admin-api.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { ROLES, ROLE_TEXTS } from './settings-shapes.ts';
import type { Role } from './settings-shapes.ts';

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
