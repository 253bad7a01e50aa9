import { type Follow, follow } from './follow.ts';
import { whyUnreadable } from './yaml.ts';

/**
 * Puts the files of `http.tls` into use when they change, or immediately with `takeNow`, which throws if they can't be
 * used. Without a certificate it does nothing.
 */
export function followCertificate(
  certificate: Omit<Follow, 'trouble'> | undefined,
  warn: (says: string) => void,
): { takeNow(): void; stop(): void } {
  const trouble = (why: string) => warn(`http.tls: ${why}; the previous certificate stays in use`);
  return {
    takeNow() {
      try {
        certificate?.accept(certificate.read());
      } catch (error) {
        throw new Error(`http.tls: ${whyUnreadable(error)}`);
      }
    },
    stop: certificate ? follow({ ...certificate, trouble }) : () => {},
  };
}
