/** A lab with a virtual clock, and a PowerShell that takes it for an Exchange organisation. */
import { join } from 'node:path';
import { serveLab } from '../../src/adapters/lab/serve.ts';
import {
  MODULE_FOLDER,
  type PowerShellExchangeOptions,
  powerShellExchange,
} from '../../src/adapters/powershell/exchange.ts';
import { PowerShellHost, type PowerShellHostOptions } from '../../src/adapters/powershell/host.ts';
import type { Lab, LabOptions } from '../../src/lab/lab.ts';
import type { Exchange } from '../../src/ports/exchange.ts';

export interface LabSite {
  lab: Lab;
  url: string;
  host: PowerShellHost;
  exchange: Exchange;
  /** Another port on the same PowerShell. */
  port(options: Partial<PowerShellExchangeOptions>): Exchange;
  close(): Promise<void>;
}

/** Who signs what only reads. */
export const READER = 'second-responder';

export async function labSite(
  executable: string,
  given: Partial<PowerShellHostOptions> = {},
  lab: Partial<LabOptions> = {},
): Promise<LabSite> {
  const served = await serveLab({ port: 0, speed: 1, virtual: true, ...lab });
  const host = new PowerShellHost({
    modules: ['SecondResponder.psm1', 'ExchangeLab.psm1'].map((file) => join(MODULE_FOLDER, file)),
    executable,
    farewell: 'Close-Session',
    ...given,
    environment: { EXCHANGE_LAB_URL: served.url, ...given.environment },
  });
  const port = (options: Partial<PowerShellExchangeOptions>) =>
    powerShellExchange({
      host,
      endpoints: ['ex1.contoso.com', 'ex2.contoso.com'],
      targets: 'jea',
      ssl: false,
      unspecifiedTimes: 'utc',
      organisation: () => served.lab.id,
      caller: READER,
      ...options,
    });
  return {
    lab: served.lab,
    url: served.url,
    host,
    exchange: port({}),
    port,
    async close() {
      await host.close();
      await served.close();
    },
  };
}
