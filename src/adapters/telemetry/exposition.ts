/**
 * Converts Prometheus text to OpenMetrics. prom-client can write it too, but then permanently renames its counters, so that the
 * next scrape in the other format lacks every `_total`.
 */
export function openMetrics(prometheus: string): string {
  const lines = prometheus.split('\n').filter((line) => line !== '');
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\S+)_total counter$/.exec(line)?.[1] ?? []));
  const renamed = lines.map((line) =>
    line.replace(/^(# (?:HELP|TYPE)) (\S+)_total\b/, (whole, start: string, name: string) =>
      counters.has(name) ? `${start} ${name}` : whole,
    ),
  );
  return `${renamed.join('\n')}\n# EOF\n`;
}

/** Whether Accept prefers OpenMetrics 1.0 or ranks it equal to plain text, as Prometheus does. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const rank = (type: string) =>
    Math.max(
      -1,
      ...(accept ?? '')
        .split(',')
        .map((part) => part.trim().toLowerCase())
        .filter((part) => part.startsWith(type))
        .map((part) => Number(/;\s*q=([\d.]+)/.exec(part)?.[1] ?? 1)),
    );
  const open = rank('application/openmetrics-text');
  return open > 0 && open >= rank('text/plain');
}
