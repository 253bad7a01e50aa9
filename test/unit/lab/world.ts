import { createLab, type Lab, type LabOptions } from '../../../src/lab/lab.ts';
import type { Change, HealthRow } from '../../../src/ports/exchange.ts';
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** A lab whose time stands still, and the sentences that tests are written in. */
export function labForTest(options: Partial<LabOptions> = {}) {
  const lab: Lab = createLab({ speed: 1, virtual: true, ...options });
  const exchange = lab.exchange();
  const change = (): Change => ({ notAfter: lab.clock.now() + HOUR, caller: 'test', scope: [] });
  const rows = async (server: string): Promise<HealthRow[]> => (await exchange.serverHealth(server)).value;

  return {
    lab,
    exchange,
    change,
    rows,
    pass: (ms: number) => lab.clock.advance(ms),
    /** `IMAP.Protocol\ImapSelfTestMonitor` and so on: those that are not Healthy. */
    unwell: async (server: string) =>
      (await rows(server))
        .filter((row) => row.alertValue !== 'Healthy')
        .map((row) => `${row.healthSet}\\${row.name} ${row.alertValue}`),
    /** The result of a probe, or the warning it answered with. */
    async probe(server: string, identity: string) {
      const { value, warnings } = await exchange.invokeProbe(server, identity);
      return value?.resultType ?? warnings[0];
    },
    async restartService(server: string, name: string) {
      const { startedAt } = (await exchange.service(server, name)).value;
      return exchange.restartService(server, name, { startedAt: startedAt ?? null }, change());
    },
    /** And lets the reboot come to its end. */
    async restartServer(server: string) {
      const { bootedAt } = (await exchange.bootTime(server)).value;
      const reply = await exchange.restartServer(server, { bootedAt }, change());
      lab.clock.advance(8 * MINUTE);
      return reply;
    },
    block: (server: string) => exchange.setActivationBlocked(server, true, { activationBlocked: false }, change()),
    allow: (server: string) => exchange.setActivationBlocked(server, false, { activationBlocked: true }, change()),
    /** Names of the databases that are active on a server. */
    active: async (server: string) =>
      (await exchange.copiesOn(server)).value
        .filter((copy) => /^(Dism|M)ount/.test(copy.status))
        .map((copy) => copy.database),
    copy: async (database: string, server: string) =>
      (await exchange.copiesOf(database)).value.find((copy) => copy.server === server)!,
  };
}
