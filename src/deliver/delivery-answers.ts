/** What a delivery thread answers, by question. */
import { MillraceError } from '../base/errors.ts';
import {
  deadLetterGroups,
  discardDeadLetters,
  inspectDeadLetter,
  listDeadLetters,
  retryDeadLetters,
} from './dead-letters.ts';
import type { Engine } from './delivery-engine.ts';
import { destinationOverview } from './destination-overview.ts';
import { dryRunReplay, replaysOf, startReplay, steerReplay } from './replay-control.ts';
import type { ReplaySeams } from './replay-control.ts';
import { traceDestination } from './destination-trace.ts';
import type { DestinationRun } from './destination-run.ts';
import { storedEvent } from '../events/raw-event.ts';
import type { DeliveryQuestion, DeliveryQuestions } from './delivery-messages.ts';

type Answers = {
  [Question in DeliveryQuestion]: (
    engine: Engine,
    seams: ReplaySeams,
    ask: DeliveryQuestions[Question]['ask'],
  ) => Promise<DeliveryQuestions[Question]['answer']> | DeliveryQuestions[Question]['answer'];
};

const ANSWERS: Answers = {
  async settled(engine) {
    await engine.settled();
    return { ok: true };
  },
  status: (engine) => engine.status(),
  'dead-letter-groups': (engine, _seams, { destination }) =>
    deadLetterGroups(databaseOf(engine.find(destination))),
  'dead-letters': (engine, _seams, { destination, filter, afterId, limit }) =>
    listDeadLetters(databaseOf(engine.find(destination)), filter, { afterId, limit }),
  'dead-letter': (engine, _seams, { destination, id }) =>
    inspectDeadLetter(databaseOf(engine.find(destination)), id),
  'retry-dead-letters'(engine, { clock }, { destination, filter }) {
    const run = engine.find(destination);
    let count = 0;
    for (const [stream, rows] of retryDeadLetters(databaseOf(run), filter, clock.wallMs())) {
      run.adopt(stream, rows);
      count += rows.length;
    }
    return { count };
  },
  'discard-dead-letters': (engine, _seams, { destination, filter, reason }) => ({
    count: discardDeadLetters(databaseOf(engine.find(destination)), filter, reason),
  }),
  'start-replay': (engine, seams, { destination, spec }) =>
    startReplay(engine.find(destination), spec, seams),
  'dry-run-replay': (engine, seams, { destination, spec }) =>
    dryRunReplay(engine.find(destination), spec, seams),
  replays: (engine, _seams, { destination }) => replaysOf(engine.find(destination)),
  'steer-replay': (engine, { clock }, { destination, id, action }) =>
    steerReplay(engine.find(destination), id, action, clock),
  async trace(engine, _seams, place) {
    const event = await engine.event(place.partition, place.position, place.index);
    return [...engine.runs()]
      .filter((run) => place.partition.startsWith(`${run.record.region}-`))
      .map((run) => traceDestination(run, place, event));
  },
  async test(engine, _seams, { destination }) {
    await engine.find(destination).test();
    return { ok: true };
  },
  overview: (engine, { clock }, { destination }) =>
    destinationOverview(engine.find(destination), clock.wallMs()),
  explain(engine, _seams, { destination, events }) {
    const run = engine.find(destination);
    return events.map((event) => run.explain(storedEvent(event)));
  },
};

/** @throws MillraceError as the question says. */
export async function answerQuestion(
  engine: Engine,
  seams: ReplaySeams,
  question: DeliveryQuestion,
  ask: unknown,
): Promise<unknown> {
  // The main thread asks with the types of DeliveryQuestions.
  return ANSWERS[question](engine, seams, ask as never);
}

function databaseOf(run: DestinationRun) {
  const state = run.state();
  if (state) return state.database;
  throw new MillraceError('UNAVAILABLE', `${run.record.slug} is not open`);
}
