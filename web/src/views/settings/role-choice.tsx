/** A role that whoever chooses it may give. */
import { may } from '../../admin-api.ts';
import { Field } from '../../parts/field.tsx';
import { ROLES, ROLE_TEXTS } from './settings-shapes.ts';
import type { Role } from './settings-shapes.ts';

interface Props {
  role: Role;
  onChoose(role: Role): void;
}

export function RoleChoice({ role, onChoose }: Props) {
  return (
    <Field label="Role">
      {(own) => (
        <select
          {...own}
          value={role}
          onChange={(event) => onChoose(event.currentTarget.value as Role)}
        >
          {ROLES.filter((name) => name !== 'owner' || may('owner')).map((name) => (
            <option key={name} value={name}>
              {name} – {ROLE_TEXTS[name]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
