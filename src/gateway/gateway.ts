import { setTimeout as waitFor } from 'node:timers/promises';
import { applies } from '../guards/kill-switch.ts';
import { type Instant, shortName } from '../incident/alert.ts';
import { isNamed } from '../incident/names.ts';
import type { Mode } from '../incident/plan.ts';
import { stopwatch } from '../lib/stopwatch.ts';
import {
  type CallOptions,
  type CHANGING_CALLS,
  type Change,
  type Exchange,
  ExchangeError,
  type ExchangeFailure,
  NotSent,
  type READING_CALLS,
  type Reply,
} from '../ports/exchange.ts';
import type { KillScope, KillSwitch } from '../ports/kill-switch.ts';
import { currentTurn, outOfTurn, Sessions } from './sessions.ts';
import { sharedAnswer } from './shared-answer.ts';

/** Reported for every call, for metrics. Seconds are real time. */
export interface CallReport {
  call: keyof typeof READING_CALLS | keyof typeof CHANGING_CALLS;
  result: 'ok' | 'already' | 'notSent' | ExchangeFailure;
  seconds: number;
}

/** Read at each call, because some of it may change while the daemon runs. */
export interface GatewaySettings {
  /** The upper limit: in `observe` no changing command is ever sent. */
  mode: Mode;
  /** The only services that may be restarted. */
  services: readonly string[];
  /** SHA-256 of a script of the admin as it is now. Absent: no script ever runs. */
  scripts?: (name: string) => string | undefined;
  /** Short names of machines that are never rebooted or drained. */
  self: readonly string[];
  /** Default time limit of a call (real milliseconds). */
  callTimeLimit: number;
  /** Unlimited if absent. */
  sessions?: Sessions;
  /** The latest time of arrival for a command sent now (organisation's time); by default the caller's. */
  notAfter?: () => Instant;
  /** A session limit passes quickly: a reading call is retried after each of these pauses (real milliseconds). */
  sessionBackoff?: readonly number[];
}

const SESSION_BACKOFF = [250, 500, 1000, 2000];

/**
 * Real milliseconds. An answer that took longer may have waited in a suspended process, and things may have changed
 * meanwhile: the switch may be on, another worker may have taken over.
 */
const FRESH_ANSWER = 3_000;

/** Order of waiting for a session: changes first, then people and metrics, then incidents by rank. */
const CHANGE = { rank: -2, openedAt: 0 };
const NO_INCIDENT = { rank: -1, openedAt: 0 };

/**
 * The only way to Exchange: every call goes through here, so that no step can bypass what must hold for all of them.
 * There are no more concurrent calls than sessions; the kill switch is checked last, right before a changing command is
 * sent; observe mode, the allow-list of services and the daemon's own machines are enforced.
 */
export function gateway(
  exchange: Exchange,
  settings: GatewaySettings,
  killSwitches: () => Promise<KillSwitch[]>,
  report: (call: CallReport) => void,
): Exchange {
  const sessions = settings.sessions ?? new Sessions(Number.POSITIVE_INFINITY);
  // Shared by several callers: one's lost lease must not abort the call for the others.
  const organisation = sharedAnswer(() =>
    outOfTurn(() => read('organisation', undefined, (limited) => exchange.organisation(limited))),
  );

  async function permit(scope: KillScope[]): Promise<void> {
    if (settings.mode === 'observe') throw new NotSent('safety.mode is observe: nothing is changed');
    // If the kill switch can't be read, it counts as on.
    const sinceAsked = stopwatch();
    const switches = await killSwitches().catch(() => undefined);
    if (sinceAsked() > FRESH_ANSWER) throw new NotSent('the state of the kill switch was outdated when it arrived');
    if (!switches) throw new NotSent('the kill switch could not be read, so it counts as on');
    if (switches.some((one) => applies(one, scope))) throw new NotSent('the kill switch is on');
  }

  async function reported<T>(name: CallReport['call'], call: () => Promise<Reply<T>>): Promise<Reply<T>> {
    const started = performance.now();
    const reportResult = (result: CallReport['result']) =>
      report({ call: name, result, seconds: (performance.now() - started) / 1000 });
    try {
      const reply = await call();
      reportResult(isAlready(reply.value) ? 'already' : 'ok');
      return reply;
    } catch (error) {
      if (error instanceof ExchangeError) reportResult(error.code);
      else if (error instanceof NotSent) reportResult('notSent');
      throw error;
    }
  }

  /**
   * Makes one call in a session. An incident waits for it as long as its worker holds it: all calls have limits, so its
   * turn comes. For other callers the wait is limited like the call.
   */
  async function inSession<T>(options: CallOptions, call: () => Promise<T>): Promise<T> {
    const turn = currentTurn();
    if (turn) return sessions.use(turn, options.signal ?? turn.signal, call);
    const late = new AbortController();
    const says = `no session was free within ${options.timeLimit} ms`;
    const timer = setTimeout(() => late.abort(new ExchangeError('sessionLimit', says)), options.timeLimit);
    const signals = [late.signal, ...(options.signal ? [options.signal] : [])];
    return sessions
      .use(NO_INCIDENT, AbortSignal.any(signals), () => {
        clearTimeout(timer);
        return call();
      })
      .finally(() => clearTimeout(timer));
  }

  async function read<T>(
    name: keyof typeof READING_CALLS,
    options: CallOptions | undefined,
    call: (options: CallOptions) => Promise<Reply<T>>,
  ): Promise<Reply<T>> {
    const limited = { timeLimit: settings.callTimeLimit, ...options };
    const once = () => inSession(limited, () => reported(name, () => call(limited)));
    for (const pause of settings.sessionBackoff ?? SESSION_BACKOFF) {
      try {
        return await once();
      } catch (error) {
        if (!(error instanceof ExchangeError) || error.code !== 'sessionLimit') throw error;
        await waitFor(pause, undefined, limited.signal ? { signal: limited.signal } : {});
      }
    }
    return once();
  }

  async function change<T>(
    name: keyof typeof CHANGING_CALLS,
    order: Change,
    options: CallOptions | undefined,
    call: (inTime: Change) => Promise<Reply<T>>,
  ): Promise<Reply<T>> {
    const turn = currentTurn();
    return sessions.use(CHANGE, options?.signal ?? turn?.signal, (waited) =>
      reported(name, async () => {
        if (waited) await turn?.stillWanted();
        const inTime = { ...order, notAfter: settings.notAfter?.() ?? order.notAfter };
        await permit(order.scope);
        return call(inTime);
      }),
    );
  }

  function refuseSelf(server: string): void {
    if (settings.self.includes(shortName(server))) {
      throw new ExchangeError('refused', `${server} is a machine that this daemon runs on or depends on`);
    }
  }

  return {
    organisation,
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
    script: (server, file, run, options) =>
      read('script', options, (limited) => exchange.script(server, file, run, limited)),
    bootTime: (server, options) => read('bootTime', options, (limited) => exchange.bootTime(server, limited)),

    restartService: (server, name, fence, order, options) =>
      change('restartService', order, options, (inTime) => {
        if (!isNamed(name, settings.services)) {
          throw new ExchangeError('refused', `${name} is not on the allow-list of services (safety.services)`);
        }
        return exchange.restartService(server, name, fence, inTime, options);
      }),
    setActivationBlocked: (server, blocked, fence, order, options) =>
      change('setActivationBlocked', order, options, (inTime) => {
        if (blocked) refuseSelf(server);
        return exchange.setActivationBlocked(server, blocked, fence, inTime, options);
      }),
    setProtocolLog: (server, protocol, enabled, fence, order, options) =>
      change('setProtocolLog', order, options, (inTime) =>
        exchange.setProtocolLog(server, protocol, enabled, fence, inTime, options),
      ),
    restartServer: (server, fence, order, options) =>
      change('restartServer', order, options, (inTime) => {
        refuseSelf(server);
        return exchange.restartServer(server, fence, inTime, options);
      }),
    runScript: (server, script, fence, order, options) =>
      change('runScript', order, options, (inTime) => {
        const now = settings.scripts?.(script.name);
        if (now === undefined) throw new ExchangeError('refused', `${script.name} is not in the folder of scripts`);
        if (now !== script.sha256) {
          throw new ExchangeError('refused', `${script.name} has changed since the plan was made`);
        }
        return exchange.runScript(server, script, fence, inTime, options);
      }),
  };
}

/** Whether the target's fence found that it had taken effect before. */
function isAlready(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'effect' in value && value.effect === 'already';
}
