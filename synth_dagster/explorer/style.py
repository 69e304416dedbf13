"""The look of the explorer: one sheet, served by the explorer itself, since its pages may load nothing else."""

STYLE = """
:root{color-scheme:light dark;--ink:#1f2433;--pale:#596072;--line:#d9dde8;--back:#fff;--soft:#f5f6fa;--mark:#fff0b3;
--link:#2f4bc7;--own:#4f6bed;--bad:#b42318;--good:#1a7f4b;--warn:#fff4e0;--warnline:#c9821b}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ef;--pale:#a3aabb;--line:#353c4d;--back:#151922;--soft:#1d222d;
--mark:#5b4b00;--link:#9db0ff;--own:#6f88ff;--bad:#ff8a80;--good:#6fd3a0;--warn:#3a2e14;--warnline:#c9821b}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0}
header{border-bottom:1px solid var(--line);background:var(--soft)}
header>div,main,footer{max-width:76rem;margin:0 auto;padding:.7rem 1.2rem}
header>div{display:flex;flex-wrap:wrap;gap:.5rem 1.2rem;align-items:center}
header a{color:var(--ink);text-decoration:none;font-weight:600}header nav{display:flex;flex-wrap:wrap;gap:.3rem 1rem}
header nav a{font-weight:400}header form{flex:1 1 16rem;display:flex;gap:.4rem;min-width:0}
header input{flex:1;min-width:0}
main{padding-bottom:3rem}footer{color:var(--pale);font-size:.85rem;padding-bottom:2rem}
a{color:var(--link)}a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,
summary:focus-visible,.scrolls:focus-visible{outline:3px solid var(--own);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.3rem;background:var(--back);padding:.3rem .6rem}
h1{font-size:1.45rem;line-height:1.25;margin:1.2rem 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.08rem;margin:1.9rem 0 .3rem}h3{font-size:.8rem;font-weight:600;color:var(--pale);margin:.8rem 0 .2rem}
p{margin:.3rem 0}section>p,.pale{color:var(--pale)}
dl{display:flex;flex-wrap:wrap;gap:.15rem 1.4rem;margin:.5rem 0}dl div{display:flex;gap:.45rem;min-width:0}
dt{color:var(--pale)}dd{margin:0;overflow-wrap:anywhere}
code,.id{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
.scrolls{overflow-x:auto;margin:.4rem 0}
table{border-collapse:collapse;font-size:.92rem;min-width:min(100%,34rem)}
caption{text-align:left;color:var(--pale);padding:.2rem 0}
th{font-weight:600;text-align:left;color:var(--pale)}
th,td{padding:.28rem 1.1rem .28rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td{max-width:34rem;overflow-wrap:break-word}td code{overflow-wrap:normal;white-space:nowrap}
th.n{text-align:right}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--soft);padding:.6rem .8rem;border-radius:6px;margin:0;
font:13px/1.5 ui-monospace,monospace;max-height:40rem;overflow:auto}
mark{background:var(--mark);color:inherit;border-radius:3px}
summary{cursor:pointer;color:var(--link);margin:.5rem 0}
article{border:1px solid var(--line);border-radius:8px;padding:.6rem .9rem;margin:.6rem 0}
article p{overflow-wrap:anywhere}
.columns{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(21rem,100%),1fr))}
.columns>div{min-width:0}
.tiles{display:grid;gap:.7rem;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));margin:.8rem 0}
.tile{background:var(--soft);border-radius:8px;padding:.6rem .8rem}.tile b{display:block;font-size:1.3rem}
form.fields{display:flex;flex-wrap:wrap;gap:.5rem .8rem;align-items:end;margin:.6rem 0}
.field{display:flex;flex-direction:column;gap:.1rem;min-width:0}label{font-size:.8rem;color:var(--pale)}
.check{flex-direction:row;align-items:center;gap:.4rem}.check label{font-size:.92rem;color:var(--ink)}
.wide{flex:1 1 100%}
input,select,button{font:inherit;color:var(--ink);background:var(--back);border:1px solid var(--pale);border-radius:6px;
padding:.3rem .55rem;max-width:100%}
button{cursor:pointer;background:var(--soft);font-weight:600}
button.grave{background:var(--bad);border-color:var(--bad);color:var(--back)}
.kept{color:var(--good)}.dropped,.bad{color:var(--bad)}
.note{background:var(--warn);border:1px solid var(--warnline);border-radius:8px;padding:.6rem .9rem;margin:.8rem 0}
.graph{border:1px solid var(--line);border-radius:8px;background:var(--back)}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .small{font-size:11px;fill:var(--pale)}
svg rect{fill:var(--soft);stroke:var(--line)}svg .asked rect{fill:var(--back);stroke:var(--own);stroke-width:3}
svg .missing rect{stroke-dasharray:4}svg path{fill:none;stroke:var(--pale);stroke-width:1.2}
svg a:hover rect,svg a:focus rect{stroke:var(--own)}svg .more{fill:var(--pale)}
@media print{header,form,footer{display:none}}
"""
