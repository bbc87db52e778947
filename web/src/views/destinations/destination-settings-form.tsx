/** The form of a destination's settings, generated from the fields of its type. */
import type { SettingField } from '../../../../src/destinations/destination-type-shapes.ts';
import { MASK } from '../../../../src/base/mask.ts';
import type { OauthService } from '../../../../src/destinations/segment-actions/segment-shapes.ts';
import { OauthFields } from './oauth-fields.tsx';
import type { Draft } from './destination-settings-model.ts';

/** Has inputs of its own. */
const OAUTH = 'oauth';

interface Props {
  /** Of the service, if it is known. */
  oauthService: OauthService | undefined;
  fields: readonly SettingField[];
  draft: Draft;
  /** What is wrong, by key of the field. */
  problems: Readonly<Record<string, string>>;
  onChange(draft: Draft): void;
}

export function SettingsForm({ oauthService, fields, draft, problems, onChange }: Props) {
  return (
    <div class="d-fields">
      {fields.map((field) => {
        const { key } = field;
        const problem = problems[key];
        const set = (value: string | boolean) => onChange({ ...draft, [key]: value });
        if (key === OAUTH) {
          const text = String(draft[key] ?? '');
          const own = { text, service: oauthService, problem, onChange: set };
          return <OauthFields key={key} {...own} />;
        }
        const own = { field, value: draft[key], problem, onChange: set };
        return <SettingInput key={key} {...own} />;
      })}
    </div>
  );
}

interface InputProps {
  field: SettingField;
  value: string | boolean | undefined;
  problem: string | undefined;
  onChange(value: string | boolean): void;
}

function SettingInput({ field, value, problem, onChange }: InputProps) {
  const id = `setting-${field.key}`;
  const { label, description, isRequired, type } = field;
  const about = { id, problem, description, 'aria-describedby': `${id}-about` };
  if (type === 'boolean') {
    return (
      <div class="d-field">
        <label class="d-check">
          <input
            id={id}
            type="checkbox"
            checked={value === true}
            aria-describedby={about['aria-describedby']}
            onChange={(event) => onChange(event.currentTarget.checked)}
          />
          {label}
        </label>
        <About id={id} description={description} problem={problem} />
      </div>
    );
  }
  const text = typeof value === 'string' ? value : '';
  return (
    <div class="d-field">
      <label for={id}>
        {label}
        {isRequired && <span class="d-required"> (required)</span>}
      </label>
      <TextInput field={field} id={id} text={text} isWrong={!!problem} onChange={onChange} />
      <About id={id} description={description} problem={problem} />
    </div>
  );
}

/** Described by its own text, and by what is wrong with it. */
function About(props: { id: string; description: string; problem: string | undefined }) {
  const { id, description, problem } = props;
  return (
    <div id={`${id}-about`} class="d-about">
      {problem && <p class="d-problem">{problem}</p>}
      {description && <p>{description}</p>}
    </div>
  );
}

interface TextProps {
  field: SettingField;
  id: string;
  text: string;
  isWrong: boolean;
  onChange(value: string): void;
}

function TextInput({ field, id, text, isWrong, onChange }: TextProps) {
  const { type, isSecret, choices = [] } = field;
  const shared = {
    id,
    'aria-invalid': isWrong,
    'aria-describedby': `${id}-about`,
    autocomplete: 'off',
  };
  if (type === 'choice') {
    return (
      <select {...shared} value={text} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{field.isRequired ? 'Choose' : 'As by default'}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  // A secret that is kept is never shown: an empty field means that it stays.
  const isKept = text === MASK;
  const shown = isKept ? '' : text;
  const placeholder = isKept ? 'Kept as it is; type to replace it' : '';
  const onInput = (event: Event & { currentTarget: { value: string } }): void => {
    const typed = event.currentTarget.value;
    onChange(typed);
  };
  if (type === 'list' || type === 'object') {
    const props = { ...shared, placeholder, onInput, rows: 3, spellcheck: false };
    return <textarea {...props} class="d-code" value={shown} />;
  }
  const kind = isSecret ? 'password' : 'text';
  const inputMode = type === 'number' ? 'decimal' : 'text';
  return (
    <input
      {...shared}
      type={kind}
      autocomplete={isSecret ? 'new-password' : 'off'}
      inputMode={inputMode}
      placeholder={placeholder}
      value={shown}
      onInput={onInput}
    />
  );
}
