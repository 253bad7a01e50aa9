import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { withoutPath } from '../../lib/shown.ts';

/** Absolute paths of PEM files: the `http.tls` section of the configuration. */
export interface TlsFiles {
  certFile: string;
  keyFile: string;
  clientCaFile?: string | undefined;
}

/** Reads the files. Throws like reading. */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): string {
  const pems = [readPem('cert-file', certFile), readPem('key-file', keyFile)];
  return JSON.stringify([...pems, ...(clientCaFile ? [readPem('client-ca-file', clientCaFile)] : [])]);
}

function readPem(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // Without its name, because the setting may contain the key itself.
    throw new Error(`http.tls.${key} is a file that can't be read: ${withoutPath(error)}`);
  }
}

/** Throws if the files are unusable: no certificate, or the key of another one. */
export function secureOptions(text: string): SecureContextOptions {
  const [cert = '', key = '', ca] = JSON.parse(text) as string[];
  for (const [says, pem] of [
    ['the certificate', cert],
    ...(ca === undefined ? [] : [['the client CA', ca]]),
  ] as const) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw new Error(`${says} cannot be read: ${(error as Error).message}`);
    }
  }
  const options: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) };
  try {
    if (key.trim() === '') throw new Error('it is empty');
    createSecureContext(options);
  } catch (error) {
    throw new Error(`the key does not match the certificate: ${(error as Error).message}`);
  }
  return options;
}
