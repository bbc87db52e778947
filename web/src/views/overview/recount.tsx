/** The conservation check: every event that was received is somewhere, recounted from the files. */
import type { VerifyState, WholeReport } from '../../../../src/operate/verify/verify-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { count, share } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';

const EVERY_MS = 1_500;

export function Recount() {
  const { data, error, reload } = useLoaded<VerifyState>('/admin/verify', EVERY_MS);
  const change = useChange(reload);
  const isRunning = data?.state === 'running';
  return (
    <Section
      title="Is every event accounted for?"
      actions={
        may('member') && (
          <button
            type="button"
            class="quiet"
            disabled={isRunning || change.isRunning}
            onClick={() => change.make(() => send('POST', '/admin/verify'))}
          >
            Recount now
          </button>
        )
      }
    >
      <Problem error={change.error ?? error} />
      <div role="status">
        {isRunning && <p>Recounting log, lake and deliveries: {share(data.share)}</p>}
        {data?.state === 'failed' && <p class="problem">The recount failed: {data.failure}</p>}
        {data?.state === 'never' && (
          <p class="muted">
            Not recounted since this server started. A recount reads the files of log, lake and
            deliveries, as <code>npx millrace verify</code> does, and changes nothing.
          </p>
        )}
        {data?.report && <Outcome report={data.report} finishedAt={data.finishedAt} />}
      </div>
    </Section>
  );
}

function Outcome({ report, finishedAt }: { report: WholeReport; finishedAt: string | null }) {
  const { received, stored, rejected, duplicate, suppressed, pending } = report;
  const problems = [
    ...report.problems,
    ...report.destinations.flatMap((one) => one.problems.map((text) => `${one.slug}: ${text}`)),
  ];
  const suppressedText = suppressed > 0 ? ` + ${count(suppressed)} suppressed` : '';
  return (
    <>
      <p>
        <Badge tone={report.isConserved ? 'good' : 'bad'}>
          {report.isConserved ? 'Yes' : 'No'}
        </Badge>{' '}
        {count(received)} received = {count(stored)} stored + {count(rejected)} rejected +{' '}
        {count(duplicate)} repeated{suppressedText} + {count(pending)} on their way; recounted{' '}
        <Time value={finishedAt} />
      </p>
      {problems.length > 0 && (
        <ul class="problem">
          {problems.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </>
  );
}
