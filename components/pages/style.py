"""The pages' style sheets: blue for what was before, orange for what is new, and never colour alone."""

from __future__ import annotations

from ratchet.components.imaging.drawing import DETECTION_COLOUR, GIVEN_COLOUR, LABEL_COLOUR, READ_COLOUR

# Blue and orange are Okabe & Ito's (https://jfly.uni-koeln.de/color/), each in a shade that stands out on its ground.
STYLE = (
    """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0;
  --other: #0072b2; --other-fill: #0072b255; --span: #c65a00; --span-fill: #e6860022;
  --reject: #b3261e; --warn: #8a5a00; --pass: #1a6b3a; --mark: #1b1f24; --track: #e4e8ec; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --card: #1e2329; --ink: #e8ebee; --soft: #a8b1bb; --line: #3a424b;
    --other: #56b4e9; --other-fill: #56b4e94d; --span: #ffb454; --span-fill: #ffb45426;
    --reject: #ff8a80; --warn: #f5c04a; --pass: #7fd69b; --mark: #ffffff; --track: #343b43; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5; overflow-wrap: anywhere;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 16px; }
main, footer, .verdict > div { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
h1 { font-size: 1.1rem; font-weight: 600; margin: 0 0 4px; }
h2 { font-size: 1.3rem; margin: 40px 0 12px; }
h3 { font-size: 1.05rem; margin: 0 0 8px; line-height: 1.35; } section > h3 { margin-top: 22px; }
p { margin: 0 0 8px; }
a { color: inherit; }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--other); outline-offset: 2px; }
code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
.quiet { color: var(--soft); font-size: .9rem; }
.verdict { background: var(--card); border-top: 10px solid var(--tone); border-bottom: 1px solid var(--line);
  padding: 22px 0 18px; }
.reject { --tone: var(--reject); } .warn { --tone: var(--warn); } .pass { --tone: var(--pass); }
.fact, .untested { --tone: var(--soft); }
.word { font-size: 2.6rem; line-height: 1.1; font-weight: 800; letter-spacing: .01em; color: var(--tone);
  margin: 6px 0 8px; }
.word small { font-size: 1.3rem; font-weight: 600; color: var(--ink); }
.lead { font-size: 1.3rem; line-height: 1.4; max-width: 60em; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 10px 0 0; }
.card { background: var(--card); border: 1px solid var(--line); border-left: 6px solid var(--tone); border-radius: 6px;
  padding: 16px 18px; margin: 0 0 16px; }
.state { font-weight: 700; color: var(--tone); white-space: nowrap; }
.card dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 0 0 10px; }
dt { color: var(--soft); } dd { margin: 0; }
.found { font-weight: 600; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 14px; }
.pictures figure { margin: 0; }
.pictures img { display: block; width: 100%; max-width: 360px; height: auto; border-radius: 3px; }
figcaption { font-size: .88rem; margin-top: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 20px; font-size: .9rem; color: var(--soft); margin: 6px 0 10px; }
.legend svg { width: 26px; height: 14px; vertical-align: -2px; margin-right: 6px; }
.features { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 16px; }
.features .card { margin: 0; }
.feature svg { display: block; width: 100%; max-width: 420px; height: auto; }
.split { display: flex; flex-wrap: wrap; gap: 8px 28px; } .split > div { flex: 1 1 360px; }
.split > .feature { flex: 1 1 300px; max-width: 420px; }
.words { font-size: 1.05rem; }
.sides span::before { content: ""; display: inline-block; width: .75em; height: .75em; margin-right: .5em;
  border: 2px solid var(--side); background: var(--side-fill); }
.other-side { --side: var(--other); --side-fill: var(--other); }
.span-side { --side: var(--span); --side-fill: var(--span-fill); }
.sides { font-size: .92rem; }
.card > :last-child, .split > div > :last-child { margin-bottom: 0; }
svg text { fill: var(--soft); font-family: inherit; } svg:not(.overlay) text { font-size: 11.5px; }
svg:not(.overlay) text.small { font-size: 10px; }
svg .other { fill: var(--other-fill); stroke: var(--other); stroke-width: 1; }
svg .span { fill: var(--span-fill); stroke: var(--span); stroke-width: 2; }
svg rect.other { fill: var(--other); stroke: none; } svg rect.span { stroke-width: 1.5; }
svg .axis { fill: none; stroke: var(--soft); stroke-width: 1; }
svg .other-median, svg .span-median { fill: none; stroke-width: 2; stroke-dasharray: 2 3; }
svg .other-median { stroke: var(--other); } svg .span-median { stroke: var(--span); stroke-dasharray: none; }
.gauge { margin: 2px 0 4px; } .gauge .before { fill: var(--mark); fill-opacity: .45; }
.gauge .track { fill: var(--track); }
.gauge .within { fill: var(--pass); } .gauge .beyond { fill: var(--reject); }
.gauge .limit { stroke: var(--mark); stroke-width: 2.5; } 
.gauge .noise { stroke: var(--mark); stroke-dasharray: 2 2; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line);
  font-size: .93rem; }
th, td { text-align: left; vertical-align: top; padding: 7px 10px; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; }
td.state { width: 1%; }
details { margin: 0 0 16px; } summary { cursor: pointer; padding: 6px 0; font-weight: 600; }
.steps { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 14px 18px 14px 40px;
  margin: 0; }
.steps li { margin: 0 0 8px; }
footer { margin-top: 40px; padding-bottom: 40px; }
@media (max-width: 640px) {
  h2 { margin-top: 30px; } main, footer, .verdict > div { padding: 0 14px; } .word { font-size: 2.1rem; }
  .lead { font-size: 1.12rem; } .card dl { grid-template-columns: 1fr; } .card dd { margin-bottom: 6px; }
  .stack, .stack tbody, .stack tr, .stack td, .stack th { display: block; width: auto; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack tr { border-top: 1px solid var(--line); padding: 6px 0; }
  .stack td, .stack th { border: 0; padding: 1px 10px; }
  .stack td[data-of]::before { content: attr(data-of) ": "; color: var(--soft); font-weight: 400; }
}
@media print {
  :root { --ground: #fff; } body { font-size: 11pt; } nav { display: none; }
  .features .card, .split, .pictures figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  svg, .verdict, .card { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
.legend .label { stroke: """
    + LABEL_COLOUR
    + """; } .legend .detection { stroke: """
    + DETECTION_COLOUR
    + """; } .legend .given { stroke: """
    + GIVEN_COLOUR
    + """; } .legend .read { stroke: """
    + READ_COLOUR
    + """; }
.legend .label, .legend .detection, .legend .given, .legend .read { fill: none; stroke-width: 2.5; }
.legend .detection, .legend .given { stroke-dasharray: 5 3; }
"""
)

# Nothing may be loaded or run; of style sheets only the one above holds, so that not even a style can be injected.

# The blue and orange of STYLE, so that all pages read alike. On their grounds lines have a contrast of at least 3:1 and
# texts of at least 4.5:1 (measured in the tests).
CHART_STYLE = """
:root { --baseline: #0072b2; --candidate: #c65a00; --neutral: #57606a; --worse: #b3261e; --better: #1a6b3a;
  --unclear: #57606a; --grid: #d5dae0; }
@media (prefers-color-scheme: dark) {
  :root { --baseline: #56b4e9; --candidate: #ffb454; --neutral: #a8b1bb; --worse: #ff8a80; --better: #7fd69b;
    --unclear: #a8b1bb; --grid: #3a424b; }
}
.chart { margin: 0 0 16px; max-width: 420px; } .chart > svg { display: block; width: 100%; height: auto; }
.chart figcaption { margin: 0 0 4px; } .chart .legend { margin: 4px 0 0; }
.chart svg text { font-size: 13px; } .chart svg text.small { font-size: 12px; }
.chart svg .title, .chart svg .mark-text, .chart svg .name, .chart svg .difference { fill: var(--ink); }
.chart svg .name, .chart svg .difference { font-weight: 600; }
.chart svg .grid { fill: none; stroke: var(--grid); stroke-width: 1; }
.chart svg .mark { fill: none; stroke: var(--ink); stroke-width: 1; stroke-dasharray: 1 3; }
.chart .baseline { --tone: var(--baseline); } .chart .candidate { --tone: var(--candidate); }
.chart .neutral { --tone: var(--neutral); }
.chart svg .line { fill: none; stroke: var(--tone); stroke-width: 1.5; stroke-linejoin: round; }
.chart svg .line.candidate { stroke-width: 2.5; }
.chart svg .line.baseline { stroke-width: 2; stroke-dasharray: 7 4; }
.chart svg .line.v1 { stroke-dasharray: 2 3; } .chart svg .line.v2 { stroke-dasharray: 10 3 2 3; }
.chart svg .line.baseline.v1 { stroke-dasharray: 3 5; }
.chart svg .dot { fill: var(--tone); } .chart svg .dot.baseline { fill: none; stroke: var(--tone); stroke-width: 1.5; }
.chart svg .marker { fill: var(--card); stroke: var(--tone); stroke-width: 2; }
.chart svg .marker.candidate { fill: var(--tone); }
.chart svg .bar { fill: var(--tone); stroke: var(--tone); stroke-width: 1; }
.chart svg .bar.baseline { fill: none; stroke-width: 1.5; }
svg.interval { width: 160px; height: 22px; max-width: 100%; vertical-align: middle; }
.worse { --tone: var(--worse); } .better { --tone: var(--better); } .unclear { --tone: var(--unclear); }
.interval .zero { fill: none; stroke: var(--soft); stroke-width: 1; }
.interval .whisker { fill: none; stroke: var(--tone); stroke-width: 2; }
.interval .value { fill: var(--tone); } .interval.unclear .value { fill: var(--card); stroke: var(--tone);
  stroke-width: 2; }
@media print { .chart { break-inside: avoid; } }
"""
