import { ALLOW, type Guard } from './guard.ts';

/** The problem must have been confirmed recently. Old evidence leads to a verification, never to a refusal. */
export const evidence: Guard = {
  name: 'evidence',
  reasons: [],
  requires: 'the problem was seen only minutes ago; otherwise health is verified again first',
  judge({ incident, clock, settings, justVerified }) {
    if (justVerified) return ALLOW;
    const seen = incident.seenUnhealthyAt;
    return seen !== undefined && clock.now() - seen <= settings.evidenceMaxAge ? ALLOW : { answer: 'verify' };
  },
};
