/** What a mapping would send of a real recent event. */
import { useState } from 'preact/hooks';
import type { SentMappingPreview, SentTriggerPreview } from '../../../../src/admin/sent-shapes.ts';
import type {
  MappingPreview as Preview,
  WrittenSubscription,
} from '../../../../src/destinations/segment-actions/segment-shapes.ts';
import type {
  RecentEventsAnswer,
  TriggerPreview,
  RecentEvent,
} from '../../../../src/operate/destinations/destination-shapes.ts';
import { get, send } from '../../admin-api.ts';
import { Code } from '../../parts/code.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useTask } from '../../use-task.ts';

interface Shown {
  event: RecentEvent;
  matches: boolean;
  payload: Preview;
}

export function MappingPreview({
  type,
  subscription,
}: {
  type: string;
  subscription: WrittenSubscription;
}) {
  const [shown, setShown] = useState<Shown>();
  const task = useTask();
  const preview = (): void => {
    void task.run(async () => {
      const { events } = await get<RecentEventsAnswer>('/admin/recent-events?limit=20');
      const [first] = events;
      if (!first) throw new Error('No event has come yet: send one, and look again');
      const trigger = subscription.subscribe ?? '';
      const judged = await Promise.all(
        events.map(async (event) => {
          const body: SentTriggerPreview = { trigger, event: event.message };
          const { matches } = await send<TriggerPreview>('POST', '/admin/triggers/preview', body);
          return { event, matches };
        }),
      );
      const { event, matches } = judged.find((one) => one.matches) ?? {
        event: first,
        matches: false,
      };
      const path = `/admin/destinations/types/${type}/preview`;
      const payload = await send<Preview>('POST', path, {
        action: subscription.partnerAction,
        mapping: subscription.mapping ?? {},
        event: event.message,
      } satisfies SentMappingPreview);
      setShown({ event, matches, payload });
    });
  };
  return (
    <div class="d-fields">
      <div>
        <button type="button" class="quiet" disabled={task.isRunning} onClick={preview}>
          Preview on a recent event
        </button>
      </div>
      <Problem error={task.error} />
      {shown && (
        <>
          <p>
            {shown.matches ? 'Of' : 'No recent event meets the trigger; of'}{' '}
            <strong>{shown.event.event ?? shown.event.type}</strong> ({shown.event.messageId}) it
            would send:
          </p>
          <Code text={JSON.stringify(shown.payload, null, 2)} label="preview" />
        </>
      )}
    </div>
  );
}
