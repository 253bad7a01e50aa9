import type { Command } from 'commander';
import { serveLab } from '../adapters/lab/serve.ts';
import { readOrganisation } from '../lab/organisation.ts';
import { type CliContext, print } from './context.ts';
import { whyNotStarted } from './errors.ts';
import { untilStopped } from './until-stopped.ts';
import { speed as aSpeed, wholeNumber } from './values.ts';

export function labCommand(program: Command, context: CliContext): void {
  program
    .command('lab')
    .description('run the simulated Exchange organisation as a process of its own')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on; 0 takes a free one', wholeNumber, 8090)
    .option(
      '--speed <factor>',
      'how much faster than the wall its time runs: 600 is ten minutes in a second',
      aSpeed,
      1,
    )
    .option('--seed <number>', 'decides what is random', wholeNumber)
    .option('--organisation <file>', 'another organisation than contoso.com')
    .option('--keep <file>', 'keeps the world in this file')
    .action(async (options: LabOptions, command: Command) => {
      const { host, port, speed, seed, organisation, keep } = options;
      const lab = await serveLab({
        host,
        port,
        speed,
        ...(seed !== undefined && { seed }),
        ...(organisation !== undefined && { organisation: readOrganisation(organisation) }),
        ...(keep !== undefined && { persist: keep }),
      }).catch((error: unknown) => Promise.reject(whyNotStarted(error)));
      print(
        command,
        context,
        { url: lab.url, speed },
        () => `The lab is at ${lab.url}, at speed ${speed}: ${lab.url}/lab/v1/organisation\n`,
      );
      await untilStopped();
      await lab.close();
      process.exit(0);
    });
}

interface LabOptions {
  host: string;
  port: number;
  speed: number;
  seed?: number;
  organisation?: string;
  keep?: string;
}
