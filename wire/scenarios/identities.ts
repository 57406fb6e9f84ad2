/** Who was called by whom, as the server's proxy reports it to its application. */
export function identities(headers: Record<string, string> = {}): string {
  const certificate = headers['x-forwarded-client-cert'] ?? '';
  const [, server] = /By=([^;,]+)/.exec(certificate) ?? [];
  const [, client] = /URI=([^;,]+)/.exec(certificate) ?? [];
  return `${server} called by ${client}`;
}
