/** What a source may, how near it comes to it, and where it differs from the general limits. */
import { useState } from 'preact/hooks';
import type { SentSourceChange } from '../../../../src/admin/sent-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import type { SourceLimits } from '../../../../src/store/sources/source-shapes.ts';
import { mayWrite, send } from '../../admin-api.ts';
import { bytes, count, share, shortCount } from '../../format.ts';
import { FormDialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Section } from '../../parts/page.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { bySource } from '../../server-metrics.ts';
import { rateOf, useMetrics } from '../../use-metrics.ts';
import { useTask } from '../../use-task.ts';

const LIMITS: readonly [
  name: keyof SourceLimits,
  label: string,
  show: (value: number) => string,
][] = [
  ['requestsPerSecond', 'Requests a second', count],
  ['burst', 'Requests at once', count],
  ['requestBytesMax', 'Bytes of a request', bytes],
  ['eventBytesMax', 'Bytes of an event', bytes],
  ['batchEventsMax', 'Events of a batch', count],
];
/** From here on the bar is a warning. */
const HIGH = 0.8;

interface Props {
  source: ListedSource;
  onChange(): void;
}

export function Limits({ source, onChange }: Props) {
  const [isChanging, setChanging] = useState(false);
  return (
    <Section
      title="Limits and use"
      actions={
        mayWrite(source.slug) && (
          <button type="button" class="quiet" onClick={() => setChanging(true)}>
            Change limits
          </button>
        )
      }
    >
      <Use source={source} />
      <Facts
        facts={LIMITS.map(([name, label, show]) => [
          label,
          <>
            {show(source.effectiveLimits[name])}
            {source.limits[name] === undefined && <span class="muted"> (general)</span>}
          </>,
        ])}
      />
      {isChanging && (
        <ChangeLimits source={source} onClose={() => setChanging(false)} onChange={onChange} />
      )}
    </Section>
  );
}

/** Of the last seconds, and what was refused since the server started. */
function Use({ source: { slug, effectiveLimits } }: { source: ListedSource }) {
  const { points } = useMetrics();
  const perSecond = rateOf(
    [points.at(-2), points.at(-1)],
    (metrics) => bySource(metrics, 'millrace_source_requests_total').get(slug) ?? 0,
  );
  const limited = bySource(points.at(-1)?.metrics, 'millrace_rate_limited_total').get(slug) ?? 0;
  const used = perSecond === null ? null : perSecond / effectiveLimits.requestsPerSecond;
  return (
    <div>
      <label class="use">
        Rate limit in use:{' '}
        {used === null || perSecond === null
          ? 'measuring…'
          : `${share(used)} (${shortCount(perSecond)} requests a second)`}
        <meter min={0} max={1} high={HIGH} optimum={0} value={Math.min(1, used ?? 0)} />
      </label>
      {limited > 0 && (
        <p class="problem">
          {shortCount(limited)} requests were answered 429 since the server started. SDKs send them
          again; raise the limit if this goes on.
        </p>
      )}
    </div>
  );
}

function ChangeLimits({ source, onClose, onChange }: Props & { onClose(): void }) {
  const [given, setGiven] = useState<Record<string, string>>(() =>
    Object.fromEntries(Object.entries(source.limits).map(([name, value]) => [name, String(value)])),
  );
  const task = useTask();
  const save = async (): Promise<void> => {
    const own = Object.entries(given).filter(([, text]) => text.trim() !== '');
    const limits = Object.fromEntries(own.map(([name, text]) => [name, Number(text)]));
    await send('PATCH', `/admin/sources/${source.slug}`, { limits } satisfies SentSourceChange);
    onChange();
  };
  const ownFields = LIMITS.map(([name]) => `limits.${name}`);
  return (
    <FormDialog
      title="Limits of this source"
      label="Save limits"
      ownFields={ownFields}
      onSubmit={save}
      task={task}
      onClose={onClose}
    >
      <p class="muted">What is left empty follows the general limits of the configuration.</p>
      {LIMITS.map(([name, label]) => (
        <TextField
          key={name}
          label={label}
          help={`Now ${count(source.effectiveLimits[name])}`}
          problem={task.problemOf(`limits.${name}`)}
          type="number"
          min={1}
          value={given[name] ?? ''}
          onChange={(text) => setGiven({ ...given, [name]: text })}
        />
      ))}
    </FormDialog>
  );
}
