"""How the page of a release looks, on a screen in light and dark and on paper, and the little that moves on it.

The script only shows and hides samples. The page's policy names its hash, so no other script can run on it.
"""

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--ink:#1f2433;--pale:#5d6474;--line:#e2e5ee;--soft:#f6f7fb;--back:#fff;--bar:#4f6bed;
--before:#b9c4f5;--bad:#c2410c;--lost:#e9a58a;--good:#15803d;--warn:#fff4e0;--edge:#f0b95a}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e8ef;--pale:#a3aabb;--line:#333a4a;--soft:#1d222d;
--back:#151922;--bar:#7d93f5;--before:#3d4876;--bad:#f08a5d;--lost:#7a4630;--good:#4ade80;--warn:#3a2c10;--edge:#8a6420}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:1100px;margin:0 auto;
padding:32px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:20px;margin:44px 0 10px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:26px 0 4px}
p{margin:6px 0;overflow-wrap:anywhere}a{color:var(--bar)}
.pale{color:var(--pale)}svg text.pale{fill:var(--pale)}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--back);padding:8px}
.note{background:var(--warn);border:1px solid var(--edge);border-radius:8px;padding:12px 16px;margin:20px 0 0}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:24px 0 0}
.tile{background:var(--soft);border-radius:8px;padding:12px 14px}
.tile b{display:block;font-size:22px;line-height:1.3;overflow-wrap:anywhere}
nav{margin:20px 0 0;font-size:14px}nav a{margin-right:14px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));gap:20px 40px}
.chart{margin:10px 0 0}.chart svg{width:100%;height:auto;display:block;max-width:440px}.chart.wide svg{max-width:100%}
figcaption{font-weight:600;font-size:14px;margin-bottom:6px}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
.bar{fill:var(--bar)}.track{fill:var(--soft)}.before{fill:var(--before)}.bad{fill:var(--bad)}
.axis{stroke:var(--pale)}.ribbon{fill:var(--bar);opacity:.35}.ribbon.lost{fill:var(--bad);opacity:.28}
svg text.over{paint-order:stroke;stroke:var(--back);stroke-width:3px;stroke-linejoin:round}
.legend{font-size:12px;color:var(--pale)}.legend span{display:inline-block;width:11px;height:11px;border-radius:2px;
margin:0 5px 0 0}.legend span+span,.legend span:nth-of-type(2){margin-left:14px}
.legend .bar{background:var(--bar)}.legend .before{background:var(--before)}.legend .bad{background:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:14px;margin:10px 0 18px}
caption{text-align:left;font-size:13px;color:var(--pale);padding:4px 0}
th{font-weight:600;text-align:left;color:var(--pale)}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th,td:not(.n){min-width:7em}td.whole{overflow-wrap:normal}
td.n,th.n{text-align:right;white-space:nowrap;padding-right:0;padding-left:10px;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
#open table{table-layout:fixed}#open th:nth-child(1){width:42%}#open th:nth-child(2){width:64px}
code{font:12.5px ui-monospace,monospace;overflow-wrap:anywhere}
.state{font-size:12px;font-weight:600;border-radius:10px;padding:1px 9px;white-space:nowrap;border:1px solid}
.answered{color:var(--good)}.partly{color:var(--pale)}.unknown{color:var(--bad)}
.question{break-inside:avoid-page}
.search{display:flex;gap:10px;flex-wrap:wrap;align-items:center;margin:10px 0 14px}
.search[hidden]{display:none}
.search input,.search select{font:inherit;color:inherit;background:var(--back);border:1px solid var(--pale);
border-radius:6px;padding:6px 10px}.search input{flex:1 1 260px}
.sample{border:1px solid var(--line);border-radius:8px;margin:0 0 16px;padding:14px 16px}.sample[hidden]{display:none}
.sample h3{margin:0 0 4px}.texts{display:grid;grid-template-columns:1fr 1fr;gap:18px}.texts>div{min-width:0}
.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:2px 0 10px}
.label{font-size:12px;color:var(--pale);margin:8px 0 0;overflow-wrap:anywhere}
.family{width:100%;height:auto;display:block;margin:8px 0}
.node{fill:var(--soft);stroke:var(--pale)}.node.asked{stroke:var(--bar);stroke-width:2.5}
.edge{fill:none;stroke:var(--pale)}.kept{fill:none;stroke:var(--good);stroke-width:2}
.dropped{fill:none;stroke:var(--bad);stroke-width:2}
@media screen and (max-width:800px){.tiles{grid-template-columns:repeat(2,1fr)}.texts{grid-template-columns:1fr}}
@media print{
 @page{margin:14mm}
 body{max-width:none;padding:0;font-size:11px}
 h1{font-size:20px}h2{font-size:15px;margin:20px 0 6px;break-after:avoid}h3{font-size:12px;break-after:avoid}
 table{font-size:10px}code{font-size:9px}.tile b{font-size:15px}
 .tile,.note,.chart,tr,.family{break-inside:avoid}
 nav,.search,.skip{display:none!important}.sample[hidden]{display:block!important}
 .charts{grid-template-columns:1fr 1fr}
 *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""

SCRIPT = """
(() => {
  const form = document.getElementById('search'), words = document.getElementById('words'),
    verdict = document.getElementById('verdict'), count = document.getElementById('count'),
    samples = Array.from(document.querySelectorAll('.sample'));
  if (!form) return;
  const texts = samples.map((one) => one.textContent.toLowerCase());
  const show = () => {
    const asked = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    samples.forEach((one, place) => {
      const fits = asked.every((word) => texts[place].includes(word))
        && (!verdict.value || one.dataset.verdict === verdict.value);
      one.hidden = !fits;
      shown += fits;
    });
    count.textContent = `${shown} of ${samples.length} shown`;
  };
  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  words.addEventListener('input', show);
  verdict.addEventListener('change', show);
  document.addEventListener('keydown', (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      words.focus();
      words.scrollIntoView({block: 'center'});
    }
    if (event.key === 'Escape' && document.activeElement === words) { words.value = ''; show(); }
  });
  show();
})();
"""
SCRIPT_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; "
    "form-action 'none'"
)
"""What a page of a release may do: show itself, and run this one script. Nothing is loaded from anywhere."""
