import { z } from 'zod';
import type { Intent } from '../incident/intent.ts';
import { isNamed } from '../incident/names.ts';
import type { UndoAction } from '../incident/undo.ts';
import type { Protocol } from '../ports/exchange.ts';
import { optionsOf, type Polled, type Step, type StepContext, type Undo } from './step.ts';

const CMDLET: Record<Protocol, string> = { imap: 'Set-ImapSettings', pop: 'Set-PopSettings' };

/**
 * Turns the protocol log on. The previous value is always restored at the end, and the service that reads it restarted.
 */
export const protocolLog: Step = {
  name: 'protocol-log',
  summary: 'Turns the IMAP or POP protocol log on, and always restores the previous value at the end.',
  shorthand: 'protocol',
  changes: true,
  options: z.strictObject({
    protocol: z.enum(['imap', 'pop']).describe('The protocol.'),
    'undo-restart': z.string().optional().describe('The service to restart after the setting is restored.'),
  }),
  checks(options, { services }) {
    const service = options['undo-restart'] as string | undefined;
    if (service === undefined || isNamed(service, services)) return [];
    return [`undo-restart: ${service} is not on the allow-list of services (safety.services: ${services.join(', ')})`];
  },
  sentence: ({ protocol }) => `Turns the ${String(protocol).toUpperCase()} protocol log of the server on.`,
  says: ({ protocol }) => `${CMDLET[protocol as Protocol]} -ProtocolLogEnabled $true`,
  worst: ({ protocol, 'undo-restart': service }) => ({
    takes: 0,
    putBack: `the ${protocol} protocol log is always set back to what it was${service ? `, and ${service} is restarted` : ''}`,
  }),

  async begin(context) {
    const { incident, exchange, ledgerOf, record, signal } = context;
    const options = optionsOf<{ protocol: Protocol; 'undo-restart'?: string }>(context);
    const { server } = incident;
    const setting = `${options.protocol}-protocol-log`;
    const { value: found } = await exchange.protocolLog(server, options.protocol, { signal });
    const inherited = found.enabled ? await ledgerOf(server, setting) : undefined;
    if (found.enabled && !inherited) {
      return {
        begin: 'skip',
        says: `the ${options.protocol} protocol log of ${server} was already turned on by someone else; it stays on`,
      };
    }
    const log: UndoAction = {
      id: `${record.step.n}:${setting}`,
      kind: 'protocol-log',
      server,
      setting,
      when: 'always',
      value: inherited?.debt.value ?? { protocol: options.protocol, enabled: found.enabled },
      says: `the ${options.protocol} protocol log of ${server} is on`,
    };
    const service = options['undo-restart'];
    const restart: UndoAction[] = service
      ? [
          {
            id: `${record.step.n}:restart`,
            kind: 'restart-service',
            server,
            setting: `restart:${service}`,
            when: 'always',
            value: { service },
            says: `${service} on ${server} must restart to read its protocol log setting`,
            after: 'recheck',
            dependsOn: log.id,
          },
        ]
      : [];
    return {
      begin: 'start',
      note: { enabled: found.enabled, location: found.location },
      change: {
        action: 'setting',
        resource: setting,
        intent: setLog(server, options.protocol, true, found.enabled),
        undo: [log, ...restart],
      },
    };
  },

  async issue(context, intent) {
    await send(context, intent, optionsOf<{ protocol: Protocol }>(context).protocol);
  },

  poll(context, issued) {
    return pollLog(
      context,
      context.record.intent as Intent,
      optionsOf<{ protocol: Protocol }>(context).protocol,
      issued,
    );
  },
};

export const protocolLogUndo: Undo = {
  kind: 'protocol-log',
  async begin({ undo, exchange, signal }) {
    const { protocol, enabled } = undo.value as { protocol: Protocol; enabled: boolean };
    const { value: found } = await exchange.protocolLog(undo.server, protocol, { signal });
    if (found.enabled === enabled)
      return { begin: 'notNeeded', says: `the ${protocol} protocol log of ${undo.server} is as it was` };
    return { begin: 'start', intent: setLog(undo.server, protocol, enabled, found.enabled) };
  },
  async issue(context, intent) {
    await send(context, intent, context.undo.value.protocol as Protocol);
  },
  poll: (context, intent, issued) => pollLog(context, intent, context.undo.value.protocol as Protocol, issued),
};

function setLog(server: string, protocol: Protocol, enabled: boolean, found: boolean): Intent {
  return {
    command: CMDLET[protocol],
    server,
    arguments: { Server: server, ProtocolLogEnabled: enabled },
    fence: { enabled: found },
  };
}

type Sending = Pick<StepContext, 'exchange' | 'change' | 'settings' | 'signal'>;

async function send(
  { exchange, change, settings, signal }: Sending,
  intent: Intent,
  protocol: Protocol,
): Promise<void> {
  await exchange.setProtocolLog(
    intent.server,
    protocol,
    intent.arguments.ProtocolLogEnabled as boolean,
    { enabled: intent.fence.enabled as boolean },
    change(),
    { timeLimit: settings.commandTimeLimit, signal },
  );
}

async function pollLog(
  { exchange, signal }: Pick<StepContext, 'exchange' | 'signal'>,
  intent: Intent,
  protocol: Protocol,
  issued: boolean,
): Promise<Polled> {
  const wanted = intent.arguments.ProtocolLogEnabled as boolean;
  const { value: found } = await exchange.protocolLog(intent.server, protocol, { signal });
  const proven = issued || intent.fence.enabled !== wanted;
  if (found.enabled !== wanted || !proven) return { is: 'notIssued' };
  const says = `the ${protocol} protocol log of ${intent.server} is ${wanted ? 'on' : 'off'}`;
  return { is: 'done', says, changed: true, result: { location: found.location } };
}
