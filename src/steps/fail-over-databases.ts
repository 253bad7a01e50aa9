import { z } from 'zod';
import type { Intent } from '../incident/intent.ts';
import { isOutstanding, type UndoAction } from '../incident/undo.ts';
import type { Step, StepContext, Undo } from './step.ts';

/** The ledger's name of DatabaseCopyActivationDisabledAndMoveNow. */
const SETTING = 'activation';

/**
 * Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow $true: blocks activation here and moves every active copy
 * that has a healthy one elsewhere. It returns at once, tells nothing of single databases, and leaves behind what cannot
 * move: `confirm-no-active-copies` is the proof.
 */
export const failOverDatabases: Step = {
  name: 'fail-over-databases',
  summary: 'Moves the active databases away and blocks activation here; undone once the server is healthy again.',
  changes: true,
  options: z.strictObject({}),
  says: () => 'Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow $true',
  worst: () => ({
    takes: 0,
    disrupts: 'each active database of the server is unavailable while it moves',
    putBack: 'activation of databases is allowed again once the server is healthy; until then it stays blocked',
  }),

  async begin({ incident, facts, exchange, ledgerOf, record, signal }) {
    const { server } = incident;
    if (!facts.roles.includes('mailbox'))
      return { begin: 'skip', says: `${server} has no mailbox role, so no databases` };
    const { value: found } = await exchange.mailboxServer(server, { signal });
    const inherited = found.activationBlocked ? await ledgerOf(server, SETTING) : undefined;
    const undo: UndoAction = {
      id: `${record.step.n}:${SETTING}`,
      kind: SETTING,
      server,
      setting: SETTING,
      when: 'recovered',
      value: inherited?.debt.value ?? { activationBlocked: false },
      says: `activation of databases on ${server} is blocked (DatabaseCopyActivationDisabledAndMoveNow)`,
      after: 'watch',
    };
    // A block that somebody else set on purpose is never lifted by us.
    const ours = !found.activationBlocked || inherited !== undefined;
    return {
      begin: 'start',
      note: {
        activationBlocked: found.activationBlocked,
        ...(!ours && { says: 'activation was already blocked; it stays blocked' }),
      },
      change: {
        action: 'fail-over-databases',
        intent: setActivation(server, true, found.activationBlocked),
        ...(ours && { undo: [undo] }),
      },
    };
  },

  async issue(context, intent) {
    await send(context, intent);
  },

  poll: (context, issued) => pollActivation(context, context.record.intent as Intent, issued),
};

/** Lifts the block. It moves nothing back: that is another, optional matter. */
export const allowActivation: Step = {
  name: 'allow-activation',
  summary: 'Lifts the activation block. It does not move databases back.',
  changes: true,
  options: z.strictObject({}),
  says: () => 'Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow $false',
  worst: () => ({ takes: 0 }),

  async begin({ incident, exchange, ledgerOf, signal }) {
    const { server } = incident;
    const { value: found } = await exchange.mailboxServer(server, { signal });
    if (!found.activationBlocked) return { begin: 'skip', says: `activation is not blocked on ${server}` };
    const own = incident.undo.some((undo) => isOutstanding(undo) && undo.setting === SETTING && undo.server === server);
    if (!own && !(await ledgerOf(server, SETTING))) {
      return { begin: 'skip', says: `activation on ${server} was blocked by somebody else, so it stays blocked` };
    }
    return {
      begin: 'start',
      note: {},
      change: { action: 'setting', resource: SETTING, intent: setActivation(server, false, true) },
    };
  },

  async issue(context, intent) {
    await send(context, intent);
  },

  poll: (context, issued) => pollActivation(context, context.record.intent as Intent, issued),
};

export const activationUndo: Undo = {
  kind: SETTING,
  async begin({ debt, exchange, signal }) {
    const { value: found } = await exchange.mailboxServer(debt.server, { signal });
    if (!found.activationBlocked)
      return { begin: 'notNeeded', says: `activation on ${debt.server} is already allowed` };
    return { begin: 'start', intent: setActivation(debt.server, false, true) };
  },
  async issue(context, intent) {
    await send(context, intent);
  },
  async poll(context, intent, issued) {
    const seen = await pollActivation(context, intent, issued);
    return seen.is === 'done'
      ? { ...seen, says: `activation of databases on ${intent.server} is allowed again` }
      : seen;
  },
};

function setActivation(server: string, blocked: boolean, found: boolean): Intent {
  return {
    command: 'Set-MailboxServer',
    server,
    arguments: { Identity: server, DatabaseCopyActivationDisabledAndMoveNow: blocked },
    fence: { activationBlocked: found },
  };
}

async function send({ exchange, change, settings, signal }: Sending, intent: Intent): Promise<void> {
  await exchange.setActivationBlocked(
    intent.server,
    intent.arguments.DatabaseCopyActivationDisabledAndMoveNow as boolean,
    { activationBlocked: intent.fence.activationBlocked as boolean },
    change(),
    { timeLimit: settings.commandTimeLimit, signal },
  );
}

type Sending = Pick<StepContext, 'exchange' | 'change' | 'settings' | 'signal'>;

async function pollActivation(
  { exchange, signal }: Pick<StepContext, 'exchange' | 'signal'>,
  intent: Intent,
  issued: boolean,
) {
  const wanted = intent.arguments.DatabaseCopyActivationDisabledAndMoveNow as boolean;
  const { value: found } = await exchange.mailboxServer(intent.server, { signal });
  // Where the block stood before, the setting proves nothing; sending it once more is harmless.
  const proven = issued || intent.fence.activationBlocked !== wanted;
  if (found.activationBlocked !== wanted || !proven) return { is: 'notIssued' as const };
  const says = wanted
    ? `activation on ${intent.server} is blocked; its databases move away`
    : `activation on ${intent.server} is allowed`;
  return { is: 'done' as const, says, changed: true };
}
