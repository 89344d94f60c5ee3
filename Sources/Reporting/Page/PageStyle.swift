// SPDX-License-Identifier: GPL-3.0-or-later
// How the page looks.

/// Inline CSS; light and dark as the reader's system has it.
let pageStyle = """
  :root {
    --paper: #fbfbfa; --card: #fff; --ink: #1c2126; --muted: #69727c; --line: #e2e5e8; --shade: #f3f4f5;
    --successful: #1b9e7a; --caveat: #e3a008; --failed: #d1402f; --blocked: #7c6bb8; --unknown: #b7bec6; --busy: #3b78c2;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --paper: #14171a; --card: #1b1f23; --ink: #e4e7ea; --muted: #97a1ab; --line: #2e343a; --shade: #23282d;
      --successful: #2bb38c; --caveat: #e8b339; --failed: #ee6352; --blocked: #9a8bd6; --unknown: #59626b; --busy: #5c9be6;
    }
  }
  * { box-sizing: border-box; }
  body { margin: 0 auto; padding: 24px 24px 48px; max-width: 1160px; background: var(--paper); color: var(--ink);
    font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
    font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
  h1 { margin: 0 0 16px; font-size: 26px; line-height: 1.25; }
  h2 { margin: 0 0 12px; font-size: 17px; }
  h3 { margin: 22px 0 6px; font-size: 14px; }
  h4 { margin: 12px 0 4px; font-size: 12px; color: var(--muted); }
  .kind { margin: 0; color: var(--muted); font-size: 13px; }
  .badge { display: inline-block; vertical-align: 4px; padding: 1px 10px; border-radius: 11px; color: #fff; font-size: 13px;
    font-weight: 600; }
  .badge.successful { background: #14775c; } .badge.failed { background: #b83526; } .badge.interrupted { background: #8a6100; }
  .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 0 0 18px;
    padding: 0; list-style: none; }
  .figures li { padding: 10px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
  .figures span { display: block; } .figures .name, .figures .note { color: var(--muted); font-size: 12px; }
  .figures .note { white-space: nowrap; letter-spacing: -.1px; }
  .figures .value { font-size: 21px; font-weight: 600; line-height: 1.3; }
  section { margin: 0 0 16px; padding: 16px 18px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
  section.warnings { border-left: 4px solid var(--caveat); } section.warnings ul { margin: 0; padding-left: 18px; }
  .wide { overflow-x: auto; overflow-wrap: break-word; }
  table { width: 100%; border-collapse: collapse; font-size: 13px; }
  th, td { padding: 5px 8px; text-align: right; vertical-align: baseline; border-bottom: 1px solid var(--line);
    white-space: nowrap; }
  tbody tr:last-child > * { border-bottom: 0; }
  tfoot > tr > * { border-top: 1px solid var(--muted); border-bottom: 0; font-weight: 600; }
  thead th { color: var(--muted); font-size: 12px; font-weight: 500; }
  th:first-child { padding-left: 0; text-align: left; } tbody th { font-weight: 500; }
  th.text, td.text { text-align: left; } td.text { min-width: 90px; white-space: normal; }
  th.bar { text-align: left; } .bar { width: 24%; min-width: 110px; }
  .bar svg { display: block; width: 100%; height: 11px; border-radius: 3px; background: var(--shade); }
  td.bar { vertical-align: middle; }
  .plot { width: 15%; min-width: 100px; } th.plot { text-align: left; } td.plot { vertical-align: middle; }
  .plot svg { display: block; width: 100%; height: 12px; }
  .small { color: var(--muted); font-size: 12px; }
  .zero, .muted, .more { color: var(--muted); } .zero { opacity: .6; } .more { margin: 6px 0; font-size: 13px; }
  .bad { color: var(--failed); font-weight: 600; } .codes { color: var(--muted); font-size: 12px; }
  .count { color: var(--muted); font-weight: 400; } .count::before { content: "("; } .count::after { content: ")"; }
  svg .successful { fill: var(--successful); } svg .caveat { fill: var(--caveat); } svg .failed { fill: var(--failed); }
  svg .blocked { fill: var(--blocked); } svg .unknown { fill: var(--unknown); } svg .busy { fill: var(--busy); }
  svg line { vector-effect: non-scaling-stroke; } svg .axis { stroke: var(--line); } svg .whisker { stroke: var(--muted); }
  svg .box { fill: var(--busy); opacity: .35; } svg .median { stroke: var(--busy); stroke-width: 2; }
  .key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0 0; padding: 0; list-style: none; font-size: 12px;
    color: var(--muted); }
  .key i { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 2px; }
  i.successful { background: var(--successful); } i.caveat { background: var(--caveat); } i.failed { background: var(--failed); }
  i.blocked { background: var(--blocked); } i.unknown { background: var(--unknown); }
  .legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 6px 0 0; font-size: 12px; color: var(--muted); }
  .legend div { display: flex; gap: 6px; } .legend dt { font-weight: 700; color: var(--ink); } .legend dd { margin: 0; }
  details { border-top: 1px solid var(--line); } section > details:only-child { border-top: 0; }
  .list { margin-top: 12px; } .list.nested { margin: 0 0 0 18px; }
  summary { padding: 6px 0; cursor: pointer; } summary .category { color: var(--failed); }
  section > details:only-child > summary { padding: 0; font-size: 17px; font-weight: 700; }
  details > .wide { margin: 4px 0 12px; }
  pre { margin: 4px 0 10px; padding: 10px 12px; max-height: 420px; overflow: auto; border-radius: 6px; background: var(--shade);
    font: 12px/1.45 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
  pre.message { border-left: 3px solid var(--failed); }
  .inputs { margin: 0; padding-left: 18px; font-size: 12px; }
  .chip { display: inline-block; margin: 1px 2px 1px 0; padding: 0 7px; border-radius: 9px; background: var(--shade); }
  footer { color: var(--muted); font-size: 12px; }
  @media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } }
  """
