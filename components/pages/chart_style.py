"""Style of the charts, to stand behind STYLE; baseline and candidate differ in pattern, not only in colour."""

from __future__ import annotations

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
