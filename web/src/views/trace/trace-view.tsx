/** One event from its arrival to every destination, as a picture and as a list. */
import { useState } from 'preact/hooks';
import type { DestinationTrace } from '../../../../src/deliver/trace-shapes.ts';
import type { MessageTrace, TracedCopy } from '../../../../src/operate/trace/trace-shapes.ts';
import { duration, time } from '../../format.ts';
import { go, href } from '../../page-router.ts';
import type { ViewProps } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import type { Tone } from '../../parts/badge.tsx';
import { Facts } from '../../parts/facts.tsx';
import type { Fact } from '../../parts/facts.tsx';
import { Empty, Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Repairs } from '../../parts/repairs.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { tracePath } from '../../view-paths.ts';
import {
  moodOfAttempt,
  moodOfStanding,
  pictureOf,
  refusalOf,
  sentenceOf,
  wordsOfStanding,
} from './trace-model.ts';
import type { Box, Mood } from './trace-model.ts';
import './trace-view.css';

const EVERY_MS = 3_000;
const TONES: Record<Mood, Tone> = { good: 'good', bad: 'bad', held: 'plain', open: 'warn' };

export function Trace({ params }: ViewProps) {
  const messageId = params['messageId'];
  const [typed, setTyped] = useState(messageId ?? '');
  const path = messageId === undefined ? null : `/admin/trace/${encodeURIComponent(messageId)}`;
  const { data, error } = useLoaded<MessageTrace>(path, EVERY_MS);
  return (
    <Page title="Trace">
      <form
        class="inline"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== '') go(tracePath(typed.trim()));
        }}
      >
        <TextField label="messageId" size={40} value={typed} onChange={setTyped} />
        <button type="submit">Trace</button>
      </form>
      {messageId === undefined && (
        <Empty>
          Paste the messageId of an event, or follow one from{' '}
          <a href={href('/live')}>live events</a>, a dead letter, or a user.
        </Empty>
      )}
      <Problem error={error} />
      {data?.copies.length === 0 && (
        <Empty>
          No event with this messageId is stored or was rejected. It may still be on its way: this
          page looks again by itself. Otherwise <a href={href('/live')}>live events</a> show what
          arrives.
        </Empty>
      )}
      {data?.copies.map((copy) => (
        <Copy key={`${copy.partition} ${copy.position} ${copy.index}`} copy={copy} />
      ))}
    </Page>
  );
}

function Copy({ copy }: { copy: TracedCopy }) {
  const title = copy.event ?? copy.type ?? 'event';
  return (
    <>
      <Section title={title}>
        <Picture copy={copy} />
        <Facts facts={factsOf(copy)} />
        <Repairs repairs={copy.repairs} />
      </Section>
      {copy.destinations.map((destination) => (
        <OneDestination key={destination.slug} destination={destination} />
      ))}
      {copy.verdict === 'stored' && copy.destinations.length === 0 && (
        <Empty>
          No destination is there for it. <a href={href('/destinations/new')}>Connect one</a>.
        </Empty>
      )}
    </>
  );
}

function factsOf(copy: TracedCopy): (Fact | null)[] {
  const { source, verdict, partition, position, index, warehouse } = copy;
  return [
    [
      'Received',
      <>
        {time(copy.receivedAt)} from <a href={href(`/sources/${source}`)}>{source}</a>
      </>,
    ],
    [
      'Verdict',
      <>
        <Badge tone={verdict === 'stored' ? 'good' : 'bad'}>{verdict}</Badge> {copy.reason}
      </>,
    ],
    ['Record', `${partition}, position ${position}, item ${index}`],
    ['Lake', copy.lake],
    warehouse ? ['Table', warehouse] : null,
  ];
}

function OneDestination({ destination }: { destination: DestinationTrace }) {
  const { slug, rules, attempts, standing, detail } = destination;
  const refused = refusalOf(destination);
  return (
    <Section
      title={<a href={href(`/destinations/${slug}`)}>{slug}</a>}
      actions={<Badge tone={TONES[moodOfStanding(standing)]}>{wordsOfStanding(standing)}</Badge>}
    >
      {detail !== '' && <p>{detail}</p>}
      <h3>Rules</h3>
      <ol class="trace-rules">
        {rules.map((own) => (
          <li key={own.rule}>
            <Badge tone={own === refused ? 'warn' : 'good'}>
              {own.reason === null ? 'passed' : own.reason}
            </Badge>{' '}
            {own.rule} <span class="muted">{own.detail}</span>
          </li>
        ))}
      </ol>
      {attempts.length > 0 && (
        <Table label={`Attempts of ${slug}`} columns={['When', 'Outcome', 'Answer', 'Took']}>
          {attempts.map((own, at) => (
            <tr key={at}>
              <td>{time(own.at)}</td>
              <td>
                <Badge tone={TONES[moodOfAttempt(own)]}>{own.outcome}</Badge>
              </td>
              <td>
                {own.status} {own.reason} {own.message}
              </td>
              <td class="number">{duration(own.elapsedMs)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

const WIDTH = 170;
const HEIGHT = 52;
const GAP_X = 40;
const GAP_Y = 22;

function Picture({ copy }: { copy: TracedCopy }) {
  const { boxes, lines, columns, rows } = pictureOf(copy);
  const x = ({ column }: Box): number => column * (WIDTH + GAP_X);
  const y = ({ row }: Box): number => row * (HEIGHT + GAP_Y);
  const byKey = new Map(boxes.map((box) => [box.key, box]));
  return (
    <div class="scroll" role="region" aria-label="The path of the event" tabIndex={0}>
      <svg
        class="trace-picture"
        width={columns * (WIDTH + GAP_X)}
        height={rows * (HEIGHT + GAP_Y)}
        role="img"
        aria-label={sentenceOf(copy)}
      >
        {lines.map(([from, to]) => {
          const [a, b] = [byKey.get(from), byKey.get(to)];
          if (!a || !b) return null;
          const [ax, ay] = [x(a) + WIDTH, y(a) + HEIGHT / 2];
          const [bx, by] = [x(b), y(b) + HEIGHT / 2];
          const middle = (ax + bx) / 2;
          const path = `M${ax} ${ay} C${middle} ${ay} ${middle} ${by} ${bx} ${by}`;
          return <path key={`${from} ${to}`} d={path} />;
        })}
        {boxes.map((box) => (
          <g key={box.key} class={box.mood} transform={`translate(${x(box)} ${y(box)})`}>
            <rect width={WIDTH} height={HEIGHT} rx="8" />
            <text x="10" y="21" class="title">
              {short(box.title)}
            </text>
            <text x="10" y="40">
              {short(box.detail)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

const CHARS = 24;

function short(text: string): string {
  return text.length > CHARS ? `${text.slice(0, CHARS - 1)}…` : text;
}
