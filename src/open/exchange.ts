import { join } from 'node:path';
import type { Router } from 'express';
import { labHttpExchange } from '../adapters/lab/http.ts';
import { labClock, labExchange } from '../adapters/lab/in-process.ts';
import { labRouter } from '../adapters/lab/router.ts';
import { MODULE_FOLDER, powerShellExchange } from '../adapters/powershell/exchange.ts';
import { POWERSHELL, PowerShellHost } from '../adapters/powershell/host.ts';
import { powerShellInspection } from '../adapters/powershell/inspect.ts';
import type { Config } from '../config/config.ts';
import { createLab } from '../lab/lab.ts';
import { readOrganisation } from '../lab/world/organisation.ts';
import type { Release } from '../lib/release.ts';
import { safeAddress } from '../lib/shown.ts';
import type { Clock } from '../ports/clock.ts';
import type { Exchange } from '../ports/exchange.ts';
import type { Inspection } from '../ports/inspection.ts';
import { readRecording } from '../recording/file.ts';

export interface OpenedExchange {
  exchange: Exchange;
  clock: Clock;
  /** The API of a lab in this process. */
  router?: Router;
  /** Inspects the connection; absent for a lab that is called directly. */
  inspect?: Inspection;
  /** The organisation, for people. */
  says: string;
  warnings: readonly string[];
  /** What is wrong with the lab's files of this process; undefined if nothing is. */
  trouble?(): string | undefined;
}

/**
 * Opens the organisation: a lab in this process, a separate one, or a real organisation. Adds what must be released to
 * `releases`. `keep`: a lab in this process continues with the state in the store's directory.
 */
export async function openExchange(
  config: Config,
  releases: Release[],
  keep = false,
  onTrouble: (says: string) => void = () => {},
): Promise<OpenedExchange> {
  const { kind, url, through, endpoints, targets } = config.exchange;
  if (kind === 'powershell') {
    const id = organisationOf(endpoints);
    const clock = { now: Date.now, speed: 1, epoch: id };
    const asked = openPowerShell(config.exchange, clock, releases);
    const says = `${id}, by PowerShell through ${endpoints.join(', ')}; Windows by ${targets}`;
    const onLinux = process.platform !== 'win32' && config.exchange.arguments.length === 0;
    return { ...asked, clock, says, warnings: onLinux ? [NO_KERBEROS] : [] };
  }
  if (url !== undefined) {
    const remote = labHttpExchange({ url });
    releases.push(() => remote.close());
    await remote.ready();
    const { clock } = remote;
    if (through === undefined)
      return { exchange: remote.exchange, clock, says: `the lab at ${safeAddress(url)}`, warnings: [] };
    const rehearsed = { ...config.exchange, endpoints: endpoints.length > 0 ? endpoints : LAB_ENDPOINTS };
    const asked = openPowerShell(rehearsed, clock, releases, url);
    return { ...asked, clock, says: `the lab at ${safeAddress(url)}, by PowerShell`, warnings: [] };
  }
  const { speed, seed, organisation, recording, cure } = config.lab;
  const lab = createLab({
    speed,
    ...(seed !== undefined && { seed }),
    ...(organisation !== undefined && { organisation: readOrganisation(organisation) }),
    ...(recording !== undefined && { recording: readRecording(recording), cure }),
    // The lab's state and the journals are kept together or not at all: without its journals, outstanding undo actions
    // of a kept lab would be lost.
    ...(keep && { persist: join(config.store.directory, 'lab.json'), onTrouble }),
  });
  releases.push(() => lab.close());
  return {
    exchange: labExchange(lab),
    clock: labClock(lab),
    router: labRouter(lab),
    says: `the lab in this process, at speed ${speed}`,
    warnings: lab.notes,
    trouble: () => lab.trouble,
  };
}

const NO_KERBEROS =
  'PowerShell on this system cannot reach Exchange by Kerberos remoting. Run the daemon on Windows, or connect it to a Windows machine over ssh: ' +
  'exchange.executable, exchange.arguments and exchange.driver (docs/exchange.md).';

/** Servers of the shipped lab, for sessions if the configuration names none. */
const LAB_ENDPOINTS = ['ex1.contoso.com', 'ex2.contoso.com'];

/**
 * The id of a real organisation for claims and undo actions: the domain of its first endpoint, which is known even if
 * nothing answers.
 */
function organisationOf([first = '']: readonly string[]): string {
  const host = URL.canParse(first) ? new URL(first).hostname : first;
  return host.toLowerCase().replace(/^[^.]*\.(?=.)/, '');
}

/** Exchange through PowerShell; `lab`: the address of a lab to use instead. */
function openPowerShell(
  exchange: Config['exchange'],
  clock: Clock,
  releases: Release[],
  lab?: string,
): Required<Pick<OpenedExchange, 'exchange' | 'inspect'>> {
  const folder = exchange.modules ?? MODULE_FOLDER;
  // A folder on another machine uses that machine's separators.
  const separator = folder.includes('\\') ? '\\' : '/';
  const files = ['SecondResponder.psm1', ...(lab === undefined ? [] : ['ExchangeLab.psm1'])];
  const host = new PowerShellHost({
    modules: files.map((file) => `${folder.replace(/[/\\]$/, '')}${separator}${file}`),
    driver: exchange.driver,
    ...(exchange.executable !== undefined && { executable: exchange.executable }),
    arguments: exchange.arguments,
    shells: sessionsOf(exchange),
    farewell: 'Close-Session',
    farewellAfter: exchange.sessionIdle,
    endAfter: exchange.shellIdle,
    ...(lab !== undefined && { environment: { EXCHANGE_LAB_URL: lab } }),
  });
  releases.push(() => host.close());
  const { endpoints, targets, targetSsl, credentialFile, domainController, unspecifiedTimes } = exchange;
  const way = {
    host,
    endpoints,
    targets,
    ssl: targetSsl,
    ...(credentialFile !== undefined && { credentialFile }),
    ...(domainController !== undefined && { domainController }),
    unspecifiedTimes,
  };
  const { driver, executable = POWERSHELL, arguments: before } = exchange;
  return {
    exchange: powerShellExchange({ ...way, organisation: () => clock.epoch }),
    inspect: powerShellInspection({ ...way, driver, executable, arguments: before, now: () => clock.now() }),
  };
}

/**
 * Maximum number of concurrent calls. Exchange sessions are expensive and limited to 18 per user; a lab has no limit.
 */
export function sessionsOf({ kind, through, sessions }: Config['exchange']): number {
  return sessions ?? (kind === 'powershell' || through ? 3 : 16);
}
