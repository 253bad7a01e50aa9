import type { Command } from 'commander';
import { type ServedLab, serveLab } from '../adapters/lab/serve.ts';
import { readOrganisation } from '../lab/organisation.ts';
import { type CliContext, print } from './context.ts';
import { whyNotStarted } from './errors.ts';
import { untilStopped } from './until-stopped.ts';
import { speed as aSpeed, port, wholeNumber } from './values.ts';

export function labCommand(program: Command, context: CliContext): void {
  program
    .command('lab')
    .description('run the simulated Exchange organisation as a process of its own')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on; 0 takes a free one', port, 8090)
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
      const lab = await begin(options);
      print(
        command,
        context,
        { url: lab.url, speed: options.speed },
        () => `The lab is at ${lab.url}, at speed ${options.speed}: ${lab.url}/lab/v1/organisation\n`,
      );
      await untilStopped();
      await lab.close();
      process.exit(0);
    });
}

async function begin({ organisation, keep, ...rest }: LabOptions): Promise<ServedLab> {
  try {
    return await serveLab({
      ...rest,
      ...(organisation !== undefined && { organisation: readOrganisation(organisation) }),
      ...(keep !== undefined && { persist: keep }),
    });
  } catch (error) {
    throw whyNotStarted(error);
  }
}

interface LabOptions {
  host: string;
  port: number;
  speed: number;
  seed?: number;
  organisation?: string;
  keep?: string;
}
