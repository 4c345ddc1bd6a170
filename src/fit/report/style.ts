export const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d0d7de; } h3 { margin: 1.4rem 0 0.3rem; }
h3 small { font-weight: normal; color: #57606a; }
.verdict { border-left: 4px solid #0969da; padding: 0.1rem 1rem; background: #f3f7fc; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.15rem 0.8rem 0.15rem 0; vertical-align: top; } tbody th { font-weight: normal; color: #57606a; }
thead th { border-bottom: 1px solid #d0d7de; font-weight: 600; } td.n { text-align: right; }
.bar { display: inline-block; height: 0.6rem; background: #cf222e; } .feature { break-inside: avoid; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; flex: 1 1 320px; max-width: 420px; break-inside: avoid; }
figcaption { color: #57606a; } svg { width: 100%; } svg text { font-size: 11px; fill: #57606a; }
svg path { fill: none; stroke: #0969da; stroke-width: 2; } svg circle { fill: #0969da; } .grid { stroke: #eaeef2; } .diagonal { stroke: #8c959f; stroke-dasharray: 4 4; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } .bar { print-color-adjust: exact; } @page { margin: 18mm; } }
`;
