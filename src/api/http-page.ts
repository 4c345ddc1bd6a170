/** What a person sees who opens the API's address in a browser: where to go on. */
export function httpPage(services: readonly string[]): string {
  const list = services.map((name) => `<li><code>${name}</code></li>`).join('');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Perennial</title>
<style>body{font:16px/1.5 system-ui;max-width:42rem;margin:3rem auto;padding:0 1rem}pre{background:#f4f4f4;padding:1rem;overflow:auto}</style>
<h1>Perennial</h1>
<p>This is the API over HTTP. Each method is a POST with JSON:</p>
<pre>curl -H 'content-type: application/json' \\
  -d '{"pageSize": 3}' &lt;this address&gt;/perennial.v1.RiskService/ListRisks</pre>
<p><a href="/openapi.json">openapi.json</a> describes every method and field.</p>
<ul>${list}</ul>
</html>
`;
}
