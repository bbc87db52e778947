/** Which live events are shown; everything is in the address, so that it can be sent. */
import { useLoaded } from '../../use-loaded.ts';
import { Field } from '../../parts/field.tsx';
import { setQuery } from '../../page-router.ts';
import type { Source } from '../sources/source-shapes.ts';
import type { LiveFilter } from './live-entries.ts';

const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'];
const STATUSES = ['stored', 'rejected', 'duplicate'];

export function Filters({ filter }: { filter: LiveFilter }) {
  const sources = useLoaded<Source[]>('/admin/sources');
  const slugs = sources.data?.map(({ slug }) => slug) ?? [];
  // What the address says is shown, also before the sources are known.
  const known = filter.source === '' || slugs.includes(filter.source);
  return (
    <form class="inline" role="search" onSubmit={(event) => event.preventDefault()}>
      <Text name="q" label="Search" value={filter.text} hint="any text" />
      <Choice name="type" label="Type" values={TYPES} value={filter.type} />
      <Text name="event" label="Name" value={filter.name} hint="Order Com…" />
      <Text name="user" label="User" value={filter.user} hint="userId or anonymousId" />
      <Choice
        name="source"
        label="Source"
        values={known ? slugs : [filter.source, ...slugs]}
        value={filter.source}
      />
      <Choice name="status" label="Status" values={STATUSES} value={filter.status} />
    </form>
  );
}

interface TextProps {
  name: string;
  label: string;
  value: string;
  hint: string;
}

function Text({ name, label, value, hint }: TextProps) {
  return (
    <Field label={label}>
      {(own) => (
        <input
          {...own}
          type="search"
          size={14}
          placeholder={hint}
          value={value}
          onInput={(event) => setQuery({ [name]: event.currentTarget.value })}
        />
      )}
    </Field>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  values: readonly string[];
  value: string;
}

function Choice({ name, label, values, value }: ChoiceProps) {
  return (
    <Field label={label}>
      {(own) => (
        <select
          {...own}
          value={value}
          onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
        >
          <option value="">all</option>
          {values.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
