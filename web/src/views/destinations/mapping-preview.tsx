/** What a mapping would send of a real recent event. */
import { useState } from 'preact/hooks';
import { get, send } from '../../admin-api.ts';
import { Code } from '../../parts/code.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useTask } from '../../use-task.ts';
import type { RecentEvent, Subscription } from './destination-shapes.ts';

interface Shown {
  event: RecentEvent;
  matches: boolean;
  payload: unknown;
}

export function MappingPreview({
  type,
  subscription,
}: {
  type: string;
  subscription: Subscription;
}) {
  const [shown, setShown] = useState<Shown>();
  const task = useTask();
  const preview = (): void => {
    void task.run(async () => {
      const { events } = await get<{ events: RecentEvent[] }>('/admin/recent-events?limit=20');
      const [first] = events;
      if (!first) throw new Error('No event has come yet: send one, and look again');
      const trigger = subscription.subscribe ?? '';
      const judged = await Promise.all(
        events.map(async (event) => {
          const body = { trigger, event: event.message };
          const { matches } = await send<{ matches: boolean }>(
            'POST',
            '/admin/triggers/preview',
            body,
          );
          return { event, matches };
        }),
      );
      const { event, matches } = judged.find((one) => one.matches) ?? {
        event: first,
        matches: false,
      };
      const payload = await send('POST', `/admin/destinations/types/${type}/preview`, {
        action: subscription.partnerAction,
        mapping: subscription.mapping ?? {},
        event: event.message,
      });
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
