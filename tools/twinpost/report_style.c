/*
 * report_style.c - the look of the HTML report, and its script.
 *
 * Why:   see report_style.h.
 * Owns:  nothing.
 * Rules: see report_style.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_style.h"

#include <stddef.h>

#define SCHEME_LIGHT                                                                                       \
	"--ink:#15191e;--soft:#535d68;--rule:#d8dce2;--strong:#8b95a1;--paper:#fff;--wash:#f4f6f8;"        \
	"--erp:#31557f;--cloud:#1d7a80;--bad:#a8241c;--badwash:#fbefee;--warn:#855900;--warnwash:#fbf4e4;" \
	"--good:#1a6a39;--goodwash:#edf6f0;--different:#a8241c;--missing_cloud:#c26a12;--missing_legacy:#" \
	"8a6d00;"                                                                                          \
	"--duplicate:#6a3d9a;--ambiguous:#9069b8;--waiting:#4f86c6;--accepted:#7b8794;"

#define SCHEME_DARK                                                                                        \
	"--ink:#e8ebef;--soft:#a9b2bd;--rule:#343b44;--strong:#7c8794;--paper:#14181d;--wash:#1c2229;"     \
	"--erp:#7fa8dc;--cloud:#4fb5bb;--bad:#ff8a80;--badwash:#2c1b1b;--warn:#e5b454;--warnwash:#2a2416;" \
	"--good:#74c796;--goodwash:#17271d;--different:#f0776d;--missing_cloud:#e8a052;--missing_legacy:#" \
	"d3b73f;"                                                                                          \
	"--duplicate:#b794e0;--ambiguous:#c9b3e6;--waiting:#7fb0e8;--accepted:#8f9aa6;"

/* clang-format off */
const char *const report_style[] = {
    ":root{color-scheme:light dark;" SCHEME_LIGHT "}\n",
    "@media screen and (prefers-color-scheme:dark){:root{" SCHEME_DARK "}}\n",
    "*{box-sizing:border-box}\n",
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-behavior:smooth}\n",
    "@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}\n",
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 -apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;"
    "font-variant-numeric:tabular-nums lining-nums}\n",
    "header,main,footer,nav{max-width:1160px;margin:0 auto;padding:0 28px}\n",
    "h1,h2{font-family:Charter,\"Iowan Old Style\",\"Source Serif 4\",Georgia,\"Liberation Serif\",serif;"
    "font-weight:600;letter-spacing:-.01em;text-wrap:balance}\n",
    "h1{font-size:clamp(1.75rem,1.1rem + 2.4vw,2.7rem);line-height:1.14;margin:.25em 0 .4em;max-width:24em}\n",
    "h2{font-size:1.6rem;line-height:1.2;margin:0 0 .35em}\n",
    "h3{font-size:1rem;line-height:1.3;margin:2rem 0 .5rem}\n",
    "p{margin:0 0 .8em;max-width:44rem;overflow-wrap:break-word}\n",
    "a{color:var(--erp);text-underline-offset:.18em}\n",
    "a:focus-visible,[role=button]:focus-visible,input:focus-visible,"
    ".scroll:focus-visible{outline:3px solid var(--erp);outline-offset:2px}\n",
    ".skip{position:absolute;left:-999px}.skip:focus{position:static;display:inline-block;padding:8px}\n",
    ".mast{display:flex;flex-wrap:wrap;justify-content:space-between;gap:4px 24px;padding-top:22px;"
    "padding-bottom:10px;font-size:.875rem;color:var(--soft)}\n",
    ".mast b{color:var(--ink)}\n",
    "section{padding:38px 0 6px;border-top:1px solid var(--rule);margin-top:34px}\n",
    "#verdict{border-top:3px solid var(--ink);margin-top:0;padding-top:26px}\n",
    ".flag{display:inline-flex;align-items:center;gap:.5em;margin:0;padding:.28em .8em .28em .6em;"
    "border:1px solid;border-radius:3px;font-weight:600;font-size:.9375rem}\n",
    ".flag svg{width:1.15em;height:1.15em;fill:none;stroke:currentColor;stroke-width:2}\n",
    ".flag.bad{color:var(--bad);background:var(--badwash)}\n",
    ".flag.warn{color:var(--warn);background:var(--warnwash)}\n",
    ".flag.good{color:var(--good);background:var(--goodwash)}\n",
    ".lead{font-size:1.125rem;line-height:1.55;max-width:46rem}\n",
    ".note,.nothing,figcaption{color:var(--soft);font-size:.9375rem}\n",
    ".keys{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:0;"
    "margin:1.6rem 0 1.4rem;border-top:1px solid var(--strong);border-bottom:1px solid var(--strong)}\n",
    ".keys div{padding:.8rem 1rem .7rem 0}\n",
    ".keys dt{font-size:.875rem;color:var(--soft);line-height:1.3}\n",
    ".keys dd{margin:.15rem 0 0;font-size:1.75rem;line-height:1.2;font-weight:600;letter-spacing:-.01em}\n",
    ".keys .alert dd{color:var(--bad)}\n",
    ".scope{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.4rem;margin:1rem 0;"
    "font-size:.9375rem}\n",
    ".scope dt{color:var(--soft)}.scope dd{margin:0;overflow-wrap:anywhere}\n",
    ".two{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,8fr);gap:8px 48px;margin-top:1.4rem}\n",
    ".two h2{font-size:1.2rem;margin-top:.6rem}\n",
    ".two>*{min-width:0}\n",
    "ul.why{margin:0;padding:0;list-style:none}\n",
    "ul.why li{padding:.45rem 0;border-top:1px solid var(--rule);overflow-wrap:anywhere}\n",
    "ul.why li.doubt{color:var(--bad);font-weight:600}\n",
    ".scroll{overflow-x:auto;margin:.7rem 0 1.2rem}\n",
    "table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.35}\n",
    "caption{text-align:left;font-weight:600;padding:0 0 .45rem;font-size:.9375rem;position:sticky;left:0}\n",
    "th,td{padding:.36rem .65rem .36rem 0;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--rule);overflow-wrap:break-word}\n",
    "th:last-child,td:last-child{padding-right:0}\n",
    "thead th{border-bottom:1.5px solid var(--strong);color:var(--soft);font-weight:600;"
    "vertical-align:bottom;font-size:.8125rem}\n",
    "tbody th{font-weight:400}\n",
    ".n{text-align:right;white-space:nowrap;padding-left:.5rem}\n",
    ".t{white-space:nowrap}caption span{display:inline-block;max-width:calc(100vw - 32px)}\n",
    "tr.sum th,tr.sum td{font-weight:600;border-top:1.5px solid var(--strong)}\n",
    "tr.differs td,tr.differs th{background:var(--badwash)}.x{font-weight:600}thead th.g{text-align:center}\n",
    "tr.group th{font-weight:600;padding-top:1.1rem;border-bottom:1px solid var(--strong)}\n",
    ".zero{color:var(--soft)}\n",
    ".minor{color:var(--soft);font-size:.8125rem}\n",
    ".mono{font-family:ui-monospace,\"SF Mono\",Menlo,Consolas,\"Liberation Mono\",monospace;"
    "font-size:.75rem;overflow-wrap:anywhere}\n",
    ".wide table,table.wide{min-width:58rem}.codes{min-width:11em}\n",
    ".bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}\n",
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:10px 52px}\n",
    ".charts.wide-rows{grid-template-columns:minmax(0,1fr)}\n",
    "figure{margin:.8rem 0 1.2rem;min-width:0;break-inside:avoid}\n",
    "figure h3{margin:0 0 .35rem}\n",
    "svg.chart{display:block;width:100%;max-width:640px;height:auto;overflow:visible}\n",
    "svg.chart text{font:13px -apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;"
    "fill:var(--ink);font-variant-numeric:tabular-nums}\n",
    "svg.chart .s{fill:var(--soft);font-size:12px}\n",
    "svg.chart .e{text-anchor:end}svg.chart .c{text-anchor:middle}\n",
    ".axis{stroke:var(--strong);stroke-width:1;fill:none}.grid{stroke:var(--rule);stroke-width:1}\n",
    ".link{stroke:var(--strong);stroke-width:1;stroke-dasharray:2 2}\n",
    ".limit{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 3}\n",
    ".erp{fill:var(--erp)}.cloud{fill:var(--cloud)}.up{fill:var(--good)}.down{fill:var(--missing_cloud)}\n",
    ".plain{fill:var(--erp)}.curve{fill:none;stroke:var(--ink);stroke-width:1.5}.dot{fill:var(--ink)}\n",
    ".break{stroke:var(--paper);stroke-width:2.5}.cell{fill:var(--wash);stroke:var(--rule)}\n",
    ".different{fill:var(--different)}.missing_cloud{fill:var(--missing_cloud)}"
    ".missing_legacy{fill:var(--missing_legacy)}\n",
    ".duplicate{fill:var(--duplicate)}.ambiguous{fill:var(--ambiguous)}.waiting{fill:var(--waiting)}\n",
    ".accepted{fill:var(--accepted)}\n",
    ".legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.3rem 0 0;padding:0;list-style:none;"
    "font-size:.8125rem}\n",
    ".legend svg{width:.8em;height:.8em;margin-right:.4em}\n",
    "nav ol{columns:3 15rem;column-gap:40px;margin:0;padding:0;list-style:none;font-size:.9375rem}\n",
    "nav li{padding:.18rem 0;break-inside:avoid}\n",
    "main nav{padding:22px 0 0}\n",
    "footer{color:var(--soft);font-size:.8125rem;padding-top:30px;padding-bottom:60px}\n",
    ".tools{margin:.2rem 0 .4rem;font-size:.875rem}\n",
    ".tools input{font:inherit;padding:.35rem .6rem;width:20rem;max-width:100%;"
    "border:1px solid var(--strong);border-radius:3px;background:var(--paper);color:var(--ink)}\n",
    "th [role=button]{cursor:pointer}th [role=button]:hover{text-decoration:underline}\n",
    "th[aria-sort=ascending] span::after{content:\" \\2191\"}"
    "th[aria-sort=descending] span::after{content:\" \\2193\"}\n",
    "@media screen and (max-width:760px){svg.chart text{font-size:15px}svg.chart .s{font-size:14px}"
    "header,main,footer,nav{padding:0 16px}.mast{padding-top:14px}"
    "section{padding-top:26px;margin-top:24px}.two{grid-template-columns:1fr}"
    ".keys{grid-template-columns:1fr 1fr}.scope{grid-template-columns:1fr;gap:0}"
    ".scope dd{margin-bottom:.45rem}h2{font-size:1.4rem}"
    ".wide th:first-child,table.wide th:first-child{position:sticky;left:0;background:var(--paper)}"
    "tr.differs th:first-child{background:var(--badwash)!important}}\n",
    "@page{size:A4;margin:17mm 15mm 19mm;@bottom-left{content:\"Comparison of two ledgers\";"
    "font:8pt Arial,sans-serif;color:#535d68}@bottom-right{content:counter(page) \" / \" counter(pages);"
    "font:8pt Arial,sans-serif;color:#535d68}}\n",
    "@page wide{size:A4 landscape;margin:15mm 14mm 17mm}\n",
    "@media print{body{font-size:9.5pt;line-height:1.4}header,main,footer,nav{max-width:none;padding:0}"
    ".mast{padding:0 0 6pt}h1{font-size:22pt}h2{font-size:15pt;break-after:avoid}h3{font-size:10pt;"
    "margin:12pt 0 4pt;break-after:avoid}.lead{font-size:10.5pt}.keys dd{font-size:15pt}"
    ".keys{grid-template-columns:repeat(5,1fr);margin:10pt 0}section{padding:10pt 0 0;margin-top:14pt}"
    "#verdict{padding-top:10pt}.two h2{font-size:11.5pt}table{font-size:8pt}caption{font-size:9pt;"
    "position:static}thead th{font-size:7.5pt}thead{display:table-header-group}"
    "th,td{padding:2.2pt 5pt 2.2pt 0}.n{padding-left:3pt}.scroll{overflow:visible;margin:4pt 0 8pt}"
    "tr,figure,li,dl{break-inside:avoid}nav,.skip,.tools{display:none}.sheet{break-before:page}"
    ".landscape{page:wide;break-before:page}.wide table,table.wide{min-width:0;font-size:7.2pt}"
    ".charts{grid-template-columns:1fr 1fr;gap:4pt 22pt}.charts.wide-rows{grid-template-columns:minmax(0,1fr)}"
    ".wide-rows svg.chart{max-width:11cm}"
    "svg.chart{max-width:100%}tr.differs td,tr.differs th{background:none}"
    ".minor,.mono{font-size:6.8pt}footer{padding:8pt 0;font-size:7.5pt}.note,figcaption,.nothing,.legend,.scope{"
    "font-size:8pt}ul.why{font-size:8.5pt}ul.why li{padding:2.5pt 0}.two{gap:4pt 24pt;margin-top:6pt}"
    "section>p{break-after:avoid}#completeness,#readiness{break-before:page}.keys dt{font-size:8pt}}\n",
    NULL};
/* clang-format on */

/* Sorting is by the number where both cells begin with one, else by the text. */
/* clang-format off */
static const char script[] =
    "(function(){'use strict';\n"
    "function value(row,i){var c=row.cells[i];return c?c.textContent.trim():''}\n"
    "function number(s){var t=s.replace(/,/g,'').replace(/\\u2212/g,'-');\n"
    " return /^-?[0-9.]+/.test(t)?parseFloat(t):NaN}\n"
    "document.querySelectorAll('table.sort').forEach(function(table){\n"
    " var heads=table.tHead.rows[0].cells,body=table.tBodies[0];\n"
    " Array.prototype.forEach.call(heads,function(head,i){\n"
    "  var b=document.createElement('span');b.tabIndex=0;b.textContent=head.textContent;\n"
    "  b.setAttribute('role','button');head.textContent='';head.appendChild(b);\n"
    "  b.addEventListener('keydown',function(e){\n"
    "   if(e.key==='Enter'||e.key===' '){e.preventDefault();b.click()}});\n"
    "  b.addEventListener('click',function(){\n"
    "   var up=head.getAttribute('aria-sort')!=='ascending';\n"
    "   Array.prototype.forEach.call(heads,function(h){h.removeAttribute('aria-sort')});\n"
    "   head.setAttribute('aria-sort',up?'ascending':'descending');\n"
    "   Array.prototype.slice.call(body.rows).sort(function(x,y){\n"
    "    var a=value(x,i),c=value(y,i),p=number(a),q=number(c);\n"
    "    var o=isNaN(p)||isNaN(q)?a.localeCompare(c):p-q;return up?o:-o;\n"
    "   }).forEach(function(r){body.appendChild(r)});\n"
    "  });\n"
    " });\n"
    " if(body.rows.length<16)return;\n"
    " var box=document.createElement('p'),label=document.createElement('label'),\n"
    "  input=document.createElement('input');\n"
    " box.className='tools';label.textContent='Show rows with ';input.type='search';label.appendChild(input);\n"
    " box.appendChild(label);table.parentNode.parentNode.insertBefore(box,table.parentNode);\n"
    " input.addEventListener('input',function(){var w=input.value.toLowerCase();\n"
    "  Array.prototype.forEach.call(body.rows,function(r){r.hidden=r.textContent.toLowerCase().indexOf(w)<0});\n"
    " });\n"
    "});\n"
    "})();\n";
/* clang-format on */

const char *const report_script = script;
