/** How an incident ended. */
export type Outcome = 'recovered' | 'transient' | 'escalated' | 'suppressed' | 'cancelled';

export const OUTCOMES: readonly Outcome[] = ['recovered', 'transient', 'escalated', 'suppressed', 'cancelled'];
