import { inject } from 'vitest';
import { powerShellHostContract } from '../contracts/powershell-host.ts';

powerShellHostContract('node-powershell', inject('engines'));
