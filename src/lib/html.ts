import { createHash } from 'node:crypto';

/** For text and attributes of HTML and SVG. */
export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** A page of its own: no script, nothing from elsewhere, and a policy that allows exactly its styles. `body` is HTML. */
export function htmlPage({ title, style, body }: { title: string; style: string; body: string }): string {
  const sheet = `<style>${style}</style>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${styleHashes(sheet + body).join(' ')}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
${sheet}
</head>
<body>
${body}
</body>
</html>
`;
}

/** Sources of a content security policy for the styles in a page or drawing. */
export function styleHashes(markup: string): string[] {
  return [...markup.matchAll(/<style>([^<]*)<\/style>/g)].map(
    ([, style = '']) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  );
}
