import { z } from 'zod';
import type { Intent } from '../incident/intent.ts';
import { isOutstanding, type UndoAction } from '../incident/undo.ts';
import type { Step, StepContext, Undo } from './step.ts';

/** Key of DatabaseCopyActivationDisabledAndMoveNow in the ledger. */
const SETTING = 'activation';

/**
 * Set-MailboxServer -DatabaseCopyActivationDisabledAndMoveNow $true: blocks activation on this server and moves every
 * active copy that has a healthy one elsewhere. It returns immediately, reports nothing about single databases and
 * leaves those that can't move: `confirm-no-active-copies` verifies the result.
 */
export const failOverDatabases: Step = {
  name: 'fail-over-databases',
  summary: 'Moves the active databases away and blocks activation here; undone once the server is healthy again.',
  changes: true,
  options: z.strictObject({}),
  sentence: () => 'Moves the active databases to other servers and blocks their activation here.',
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
    // A block that someone else set on purpose stays.
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

/** Lifts the block. It does not move databases back. */
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
      return { begin: 'skip', says: `activation on ${server} was blocked by someone else, so it stays blocked` };
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
  async begin({ undo, exchange, signal }) {
    const { value: found } = await exchange.mailboxServer(undo.server, { signal });
    if (!found.activationBlocked)
      return { begin: 'notNeeded', says: `activation on ${undo.server} is already allowed` };
    return { begin: 'start', intent: setActivation(undo.server, false, true) };
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
  // If activation was already blocked (or allowed) before, the setting does not prove that the command arrived; sending
  // it again is harmless.
  const proven = issued || intent.fence.activationBlocked !== wanted;
  if (found.activationBlocked !== wanted || !proven) return { is: 'notIssued' as const };
  const says = wanted
    ? `activation on ${intent.server} is blocked; its databases move away`
    : `activation on ${intent.server} is allowed`;
  return { is: 'done' as const, says, changed: true };
}
