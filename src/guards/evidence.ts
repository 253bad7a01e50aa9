import { ALLOW, type Guard } from './guard.ts';

/** Trouble must have been seen with our own eyes, lately. Never refuses for age: it looks again. */
export const evidence: Guard = {
  name: 'evidence',
  reasons: [],
  judge({ incident, clock, settings, justVerified }) {
    if (justVerified) return ALLOW;
    const seen = incident.seenUnhealthyAt;
    return seen !== undefined && clock.now() - seen <= settings.evidenceMaxAge ? ALLOW : { answer: 'verify' };
  },
};
