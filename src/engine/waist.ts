import { setTimeout as waitFor } from 'node:timers/promises';
import { applies } from '../guards/kill-switch.ts';
import { shortName } from '../incident/alert.ts';
import type { Mode } from '../incident/plan.ts';
import {
  type CallOptions,
  type CHANGING_CALLS,
  type Change,
  type Exchange,
  ExchangeError,
  type ExchangeFailure,
  type KillScope,
  type KillSwitch,
  NotSent,
  type READING_CALLS,
  type Reply,
} from '../ports.ts';

/** What is told of every call, for metrics. Seconds are real. */
export interface CallReport {
  call: keyof typeof READING_CALLS | keyof typeof CHANGING_CALLS;
  result: 'ok' | 'already' | 'notSent' | ExchangeFailure;
  seconds: number;
}

export interface WaistSettings {
  /** The ceiling: in `observe` nothing that changes something is ever sent. */
  mode: Mode;
  /** Services that may be restarted; nothing else may. */
  services: readonly string[];
  /** Short names of machines that are never rebooted or drained. */
  self: readonly string[];
  /** Real milliseconds for a call that says nothing else. */
  callTimeLimit: number;
  /** Session limits pass quickly: a reading call is tried again after each of these (real milliseconds). */
  sessionBackoff?: readonly number[];
}

const SESSION_BACKOFF = [250, 500, 1000, 2000];

/**
 * Real milliseconds. An answer that took longer may have waited for a process that stood still, and the world went on
 * meanwhile: the switch may have come on, another worker may have taken over.
 */
const FRESH_ANSWER = 3_000;

/**
 * The narrow waist: every call to Exchange goes through here, whoever makes it, so that no step can forget what must
 * hold for all: the kill switch is asked last, right before a changing command is sent; observe mode, the allow-list of
 * services and the daemon's own machine are refused.
 */
export function waist(
  exchange: Exchange,
  settings: WaistSettings,
  killSwitches: () => Promise<KillSwitch[]>,
  report: (call: CallReport) => void,
): Exchange {
  const services = new Set(settings.services.map((name) => name.toLowerCase()));

  async function permit(scope: KillScope[]): Promise<void> {
    if (settings.mode === 'observe') throw new NotSent('safety.mode is observe: nothing is changed');
    // What can't be asked counts as on.
    const asked = Date.now();
    const switches = await killSwitches().catch(() => undefined);
    if (Date.now() - asked > FRESH_ANSWER)
      throw new NotSent('the answer about the kill switch was old when it was read');
    if (!switches) throw new NotSent('the kill switch could not be asked, so it counts as on');
    if (switches.some((one) => applies(one, scope))) throw new NotSent('the kill switch is on');
  }

  async function reported<T>(name: CallReport['call'], call: () => Promise<Reply<T>>): Promise<Reply<T>> {
    const started = performance.now();
    const tell = (result: CallReport['result']) =>
      report({ call: name, result, seconds: (performance.now() - started) / 1000 });
    try {
      const reply = await call();
      tell(isAlready(reply.value) ? 'already' : 'ok');
      return reply;
    } catch (error) {
      if (error instanceof ExchangeError) tell(error.code);
      else if (error instanceof NotSent) tell('notSent');
      throw error;
    }
  }

  async function read<T>(
    name: keyof typeof READING_CALLS,
    options: CallOptions | undefined,
    call: (options: CallOptions) => Promise<Reply<T>>,
  ): Promise<Reply<T>> {
    const limited = { timeLimit: settings.callTimeLimit, ...options };
    for (const pause of settings.sessionBackoff ?? SESSION_BACKOFF) {
      try {
        return await reported(name, () => call(limited));
      } catch (error) {
        if (!(error instanceof ExchangeError) || error.code !== 'sessionLimit') throw error;
        await waitFor(pause, undefined, limited.signal ? { signal: limited.signal } : {});
      }
    }
    return reported(name, () => call(limited));
  }

  async function change<T>(
    name: keyof typeof CHANGING_CALLS,
    { scope }: Change,
    call: () => Promise<Reply<T>>,
  ): Promise<Reply<T>> {
    return reported(name, async () => {
      await permit(scope);
      return call();
    });
  }

  function refuseSelf(server: string): void {
    if (settings.self.includes(shortName(server))) {
      throw new ExchangeError('refused', `${server} is a machine that this daemon stands on`);
    }
  }

  return {
    organisation: (options) => read('organisation', options, (limited) => exchange.organisation(limited)),
    serverHealth: (server, options) =>
      read('serverHealth', options, (limited) => exchange.serverHealth(server, limited)),
    invokeProbe: (server, identity, options) =>
      read('invokeProbe', options, (limited) => exchange.invokeProbe(server, identity, limited)),
    service: (server, name, options) => read('service', options, (limited) => exchange.service(server, name, limited)),
    services: (server, options) => read('services', options, (limited) => exchange.services(server, limited)),
    copiesOn: (server, options) => read('copiesOn', options, (limited) => exchange.copiesOn(server, limited)),
    copiesOf: (database, options) => read('copiesOf', options, (limited) => exchange.copiesOf(database, limited)),
    mailboxServer: (server, options) =>
      read('mailboxServer', options, (limited) => exchange.mailboxServer(server, limited)),
    availabilityGroup: (name, options) =>
      read('availabilityGroup', options, (limited) => exchange.availabilityGroup(name, limited)),
    protocolLog: (server, protocol, options) =>
      read('protocolLog', options, (limited) => exchange.protocolLog(server, protocol, limited)),
    componentStates: (server, options) =>
      read('componentStates', options, (limited) => exchange.componentStates(server, limited)),
    recoveryActions: (server, since, options) =>
      read('recoveryActions', options, (limited) => exchange.recoveryActions(server, since, limited)),
    activity: (server, options) => read('activity', options, (limited) => exchange.activity(server, limited)),
    bootTime: (server, options) => read('bootTime', options, (limited) => exchange.bootTime(server, limited)),

    restartService: (server, name, fence, order, options) =>
      change('restartService', order, () => {
        if (!services.has(name.toLowerCase())) {
          throw new ExchangeError('refused', `${name} is not on the allow-list of services (safety.services)`);
        }
        return exchange.restartService(server, name, fence, order, options);
      }),
    setActivationBlocked: (server, blocked, fence, order, options) =>
      change('setActivationBlocked', order, () => {
        if (blocked) refuseSelf(server);
        return exchange.setActivationBlocked(server, blocked, fence, order, options);
      }),
    setProtocolLog: (server, protocol, enabled, fence, order, options) =>
      change('setProtocolLog', order, () => exchange.setProtocolLog(server, protocol, enabled, fence, order, options)),
    restartServer: (server, fence, order, options) =>
      change('restartServer', order, () => {
        refuseSelf(server);
        return exchange.restartServer(server, fence, order, options);
      }),
  };
}

/** The far side's fence says that it had taken effect before. */
function isAlready(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'effect' in value && value.effect === 'already';
}
