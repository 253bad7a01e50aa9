import { ALLOW, type Guard } from './guard.ts';

/** Trouble must have been seen with our own eyes, lately. Never refuses for age: it looks again. */
export const evidence: Guard = {
  name: 'evidence',
  reasons: [],
  judge({ incident, clock, settings, justLooked }) {
    if (justLooked) return ALLOW;
    const seen = incident.seenUnhealthyAt;
    return seen !== undefined && clock.now() - seen <= settings.evidenceMaxAge ? ALLOW : { answer: 'look' };
  },
};
