/** Which events cause which action of one of Segment's destinations, and what it is sent. */
import { useState } from 'preact/hooks';
import type { DestinationTypeInfo } from '../../../../src/destinations/destination-type-shapes.ts';
import type {
  SegmentAction,
  SegmentField,
  WrittenSubscription,
} from '../../../../src/destinations/segment-actions/segment-shapes.ts';
import {
  groupedFields,
  shownText,
  subscriptionOfAction,
  subscriptionOfPreset,
  usablePresets,
  withText,
} from './mapping-model.ts';
import { MappingPreview } from './mapping-preview.tsx';

interface Props {
  type: DestinationTypeInfo;
  /** Undefined: Segment's presets. */
  subscriptions: readonly WrittenSubscription[] | undefined;
  /** As the server names it: `subscriptions[0].subscribe: …`. */
  problem: string | undefined;
  onChange(subscriptions: WrittenSubscription[] | undefined): void;
}

export function SubscriptionsEditor({ type, subscriptions, problem, onChange }: Props) {
  const actions = type.actions ?? {};
  const list = subscriptions ?? [];
  // An editor keeps what is typed in it: it has to go with its mapping, not with its place.
  const [ids, setIds] = useState(() => list.map((_own, at) => at));
  const [firstNew, setFirstNew] = useState(list.length);
  const set = (next: WrittenSubscription[], nextIds: number[]): void => {
    setIds(nextIds);
    onChange(next);
  };
  const replace = (at: number, next: WrittenSubscription): void =>
    onChange(list.map((own, index) => (index === at ? next : own)));
  const remove = (at: number): void =>
    set(
      list.filter((_own, index) => index !== at),
      ids.filter((_own, index) => index !== at),
    );
  const takePresets = (made: WrittenSubscription[]): void => {
    setFirstNew(made.length);
    set(
      made,
      made.map((_own, at) => at),
    );
  };
  return (
    <section class="d-subscriptions" aria-label="Mappings">
      {problem && (
        <p class="d-problem" role="alert">
          {problem}
        </p>
      )}
      {subscriptions === undefined && <Presets type={type} onTake={takePresets} />}
      {list.map((subscription, at) => (
        <SubscriptionEditor
          key={ids[at] ?? at}
          at={ids[at] ?? at}
          isOpen={at === 0 || (ids[at] ?? 0) >= firstNew}
          type={type.type}
          subscription={subscription}
          action={actions[subscription.partnerAction]}
          onChange={(next) => replace(at, next)}
          onRemove={() => remove(at)}
        />
      ))}
      <AddMapping
        type={type}
        onAdd={(made) => set([...list, made], [...ids, Math.max(-1, ...ids) + 1])}
      />
    </section>
  );
}

interface PresetsProps {
  type: DestinationTypeInfo;
  onTake(subscriptions: WrittenSubscription[]): void;
}

/** What is sent as long as nobody changes it. */
function Presets({ type, onTake }: PresetsProps) {
  const presets = usablePresets(type);
  if (presets.length === 0) {
    return <p>Segment has no presets for this destination: add a mapping to send something.</p>;
  }
  const take = (): void =>
    onTake(
      presets.flatMap((preset) => {
        const action = type.actions?.[preset.partnerAction];
        return action ? [subscriptionOfPreset(preset, action)] : [];
      }),
    );
  return (
    <p>
      Segment's presets are used: {presets.map(({ name }) => name).join(', ')}.{' '}
      <button type="button" class="quiet" onClick={take}>
        Change them
      </button>
    </p>
  );
}

interface AddMappingProps {
  type: DestinationTypeInfo;
  onAdd(subscription: WrittenSubscription): void;
}

function AddMapping({ type, onAdd }: AddMappingProps) {
  const presets = usablePresets(type);
  const actions = type.actions ?? {};
  const add = (chosen: string): void => {
    const [kind, ...rest] = chosen.split(' ');
    const name = rest.join(' ');
    const preset = kind === 'preset' ? presets[Number(name)] : undefined;
    const action = actions[preset?.partnerAction ?? name];
    if (!action) return;
    onAdd(preset ? subscriptionOfPreset(preset, action) : subscriptionOfAction(name, action));
  };
  return (
    <label class="d-field">
      Add a mapping
      <select
        value=""
        onChange={(event) => {
          add(event.currentTarget.value);
          event.currentTarget.value = '';
        }}
      >
        <option value="">Choose a preset or an action</option>
        {presets.length > 0 && (
          <optgroup label="Presets">
            {presets.map(({ name }, at) => (
              <option key={at} value={`preset ${at}`}>
                {name}
              </option>
            ))}
          </optgroup>
        )}
        <optgroup label="Actions">
          {Object.entries(actions)
            .filter(([, action]) => action.platform !== 'web')
            .map(([name, action]) => (
              <option key={name} value={`action ${name}`}>
                {action.title}
              </option>
            ))}
        </optgroup>
      </select>
    </label>
  );
}

interface OneProps {
  /** Distinguishes its fields from those of other mappings. */
  at: number;
  isOpen: boolean;
  type: string;
  subscription: WrittenSubscription;
  action: SegmentAction | undefined;
  onChange(subscription: WrittenSubscription): void;
  onRemove(): void;
}

function SubscriptionEditor(props: OneProps) {
  const { at, isOpen, type, subscription, action, onChange, onRemove } = props;
  const { name = '', subscribe = '', enabled = true, mapping = {}, partnerAction } = subscription;
  const title = name || action?.title || partnerAction;
  return (
    <details class="d-card" open={isOpen}>
      <summary>
        {title} {!enabled && <span class="d-muted">(off)</span>}
      </summary>
      <div class="d-fields">
        <label class="d-field">
          Name
          <input
            value={name}
            onInput={(event) => onChange({ ...subscription, name: event.currentTarget.value })}
          />
        </label>
        <label class="d-field">
          Trigger (FQL)
          <input
            class="d-code"
            value={subscribe}
            spellcheck={false}
            onInput={(event) => onChange({ ...subscription, subscribe: event.currentTarget.value })}
          />
        </label>
        <label class="d-check">
          <input
            type="checkbox"
            checked={enabled}
            onChange={(event) =>
              onChange({ ...subscription, enabled: event.currentTarget.checked })
            }
          />
          On
        </label>
      </div>
      {action ? (
        <MappingFields
          at={at}
          action={action}
          mapping={mapping}
          onChange={(next) => onChange({ ...subscription, mapping: next })}
        />
      ) : (
        <p class="d-problem">There is no action {partnerAction} any more.</p>
      )}
      <MappingPreview type={type} subscription={subscription} />
      <button type="button" class="danger" onClick={onRemove}>
        Remove {title}
      </button>
    </details>
  );
}

interface FieldsProps {
  at: number;
  action: SegmentAction;
  mapping: Record<string, unknown>;
  onChange(mapping: Record<string, unknown>): void;
}

function MappingFields({ at, action, mapping, onChange }: FieldsProps) {
  // Which fields stand first is settled when the editor opens, so that none jumps while typing.
  const [{ first, rest }] = useState(() => groupedFields(action, mapping));
  const inputs = (keys: readonly string[]) =>
    keys.flatMap((key) => {
      const field = action.fields[key];
      if (!field) return [];
      const props = { at, name: key, field, mapping, onChange };
      return [<MappingInput key={key} {...props} />];
    });
  return (
    <div>
      <p class="d-muted">
        <code>$.properties.total</code> is a value of the event, a text with{' '}
        <code>{'{{userId}}'}</code> in it a template; JSON says everything else. An empty field
        sends nothing.
      </p>
      <div class="d-fields">{inputs(first)}</div>
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more fields</summary>
          <div class="d-fields">{inputs(rest)}</div>
        </details>
      )}
    </div>
  );
}

interface MappingInputProps {
  at: number;
  name: string;
  field: SegmentField;
  mapping: Record<string, unknown>;
  onChange(mapping: Record<string, unknown>): void;
}

function MappingInput({ at, name, field, mapping, onChange }: MappingInputProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const id = `mapping-${at}-${name}`;
  const take = (text: string): void => {
    setTyped(text);
    const next = withText(mapping, name, field, text);
    setProblem('problem' in next ? next.problem : null);
    if ('mapping' in next) onChange(next.mapping);
  };
  return (
    <div class="d-field">
      <label for={id}>
        {field.label ?? name}
        {field.required === true && <span class="d-required"> (required)</span>}
      </label>
      <input
        id={id}
        class="d-code"
        value={typed ?? shownText(mapping, name, field)}
        spellcheck={false}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-about`}
        onInput={(event) => take(event.currentTarget.value)}
      />
      <div id={`${id}-about`} class="d-about">
        {problem && <p class="d-problem">{problem}</p>}
        {field.description && <p>{field.description}</p>}
      </div>
    </div>
  );
}
