import type { DaemonFacts } from '../../doctor/index.ts';
import type { Readiness } from '../../ports/operations.ts';

/** Asks a daemon whether it is ready, without a token, because none is required. */
export async function askReadiness(address: string, signal: AbortSignal): Promise<DaemonFacts> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(`${address}/readyz`, { redirect: 'error', signal });
    status = response.status;
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    return unanswered(address, error);
  }
  const answer = parsed(text);
  if (isReadiness(answer)) return { answers: 'daemon', readiness: answer };
  return { answers: 'something', says: `/readyz returned ${status}, but not as a Second Responder daemon does` };
}

function unanswered(address: string, error: unknown): DaemonFacts {
  const cause = error instanceof Error ? error.cause : undefined;
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  if (code === 'ECONNREFUSED') return { answers: 'nobody' };
  const says = [code, message ?? String(error)].filter((one) => typeof one === 'string').join(': ');
  return { answers: address.startsWith('https:') ? 'untrusted' : 'something', says };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isReadiness(answer: unknown): answer is Readiness {
  if (typeof answer !== 'object' || answer === null) return false;
  const { ready, parts } = answer as Partial<Readiness>;
  return (
    typeof ready === 'boolean' &&
    Array.isArray(parts) &&
    parts.every(({ part, ok, says }) => typeof part === 'string' && typeof ok === 'boolean' && typeof says === 'string')
  );
}
