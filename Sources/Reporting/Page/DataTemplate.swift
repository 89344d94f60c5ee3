// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of the page about time, metadata and data.

let timeTemplate = """
  {{#time}}{{#isPresent}}
  <section>
  <h2>Time and memory</h2>
  {{#tasks}}{{#isPresent}}
  <h3>By task</h3>
  <div class="wide"><table>
  <thead><tr><th>Task</th><th>Quanta</th><th class="bar">Share</th><th>Total</th><th>Mean</th><th>Median</th><th>95 %</th>\
  <th>Longest</th><th>CPU</th><th>Memory</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{task}}</th><td>{{count}}</td><td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" \
  aria-hidden="true"><rect class="busy" x="0" y="0" width="{{width}}" height="8"/></svg></td><td>{{seconds}}</td>\
  <td>{{mean}}</td><td>{{median}}</td><td>{{p95}}</td><td>{{max}}</td><td>{{cpu}}</td><td>{{memory}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  {{/isPresent}}{{/tasks}}
  {{#ranks}}{{#isPresent}}
  <h3>By rank</h3>
  {{#hasNote}}<p class="more">{{note}}</p>{{/hasNote}}
  <div class="wide"><table>
  <thead><tr><th>Rank</th><th class="text">Host</th><th>Units</th><th>Quanta</th><th class="bar">Busy</th><th>Time</th>\
  <th>Memory</th><th class="text">Quanta by task</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{rank}}</th><td class="text">{{host}}</td><td>{{units}}</td><td>{{quanta}}</td>\
  <td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">\
  <rect class="busy" x="0" y="0" width="{{width}}" height="8"/></svg></td><td>{{busy}}</td><td>{{memory}}</td>\
  <td class="text small">{{tasks}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  {{/isPresent}}{{/ranks}}
  {{#slowest}}{{#isPresent}}
  <h3>Slowest quanta</h3>
  <div class="wide"><table>
  <thead><tr><th>Task</th><th class="text">Data ID</th><th>Time</th><th>CPU</th>\
  <th>Rank</th><th class="text">Host</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{task}}</th><td class="text">{{dataID}}</td><td>{{seconds}}</td><td>{{cpu}}</td><td>{{rank}}</td>\
  <td class="text">{{host}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{/isPresent}}{{/slowest}}
  {{#lost}}{{#isPresent}}
  <h3>Lost attempts <span class="count">{{count}}</span></h3>
  <div class="wide"><table>
  <thead><tr><th>Work unit</th><th>Attempt</th><th>Session</th><th>Rank</th>\
  <th class="text">Host</th><th class="text">End</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{unit}}</th><td>{{attempt}}</td><td>{{session}}</td><td>{{rank}}</td><td class="text">{{host}}</td>\
  <td class="text">{{outcome}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  {{/isPresent}}{{/lost}}
  {{#sessions}}{{#isPresent}}
  <h3>Sessions</h3>
  <div class="wide"><table>
  <thead><tr><th>Session</th><th class="text">Start (UTC)</th><th class="text">End (UTC)</th><th>Time</th><th>Ranks</th>\
  <th class="text">Hosts</th><th class="text">Ended by</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{session}}</th><td class="text">{{start}}</td><td class="text">{{end}}</td><td>{{seconds}}</td>\
  <td>{{ranks}}</td><td class="text">{{hosts}}</td><td class="text">{{endedBy}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  {{/isPresent}}{{/sessions}}
  </section>
  {{/isPresent}}{{/time}}
  """

let dataTemplate = """
  {{#metadata}}{{#isPresent}}
  <section>
  <h2>Metadata</h2>
  <p class="more">What the tasks said about their quanta. Quantiles are good to half a per cent of their size.</p>
  {{#rows}}
  <details><summary><b>{{task}}</b> <span class="count">{{count}}</span></summary>
  {{#numbers}}{{#isPresent}}
  <div class="wide"><table>
  <thead><tr><th>Key</th><th>Count</th><th>Mean</th><th>Scatter</th><th>Least</th><th>5 %</th><th>Median</th><th>95 %</th>\
  <th>Most</th><th class="plot">Quantiles</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{key}}</th><td>{{count}} <span class="muted">{{nan}}</span></td><td>{{mean}}</td><td>{{scatter}}</td>\
  <td>{{min}}</td><td>{{q05}}</td><td>{{median}}</td><td>{{q95}}</td><td>{{max}}</td>\
  <td class="plot">{{#hasPlot}}{{#plot}}<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">\
  <line class="axis" x1="2" x2="98" y1="5" y2="5"/><line class="whisker" x1="{{low}}" x2="{{high}}" y1="5" y2="5"/>\
  <rect class="box" x="{{box}}" width="{{boxWidth}}" y="1" height="8"/>\
  <line class="median" x1="{{median}}" x2="{{median}}" y1="0" y2="10"/></svg>{{/plot}}{{/hasPlot}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{/isPresent}}{{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}{{/numbers}}
  {{#others}}{{#isPresent}}
  <div class="wide"><table>
  <thead><tr><th>Key</th><th class="text">Values</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{key}}</th><td class="text">{{#values}}<span class="chip">{{.}}</span> {{/values}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{/isPresent}}{{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}{{/others}}
  </details>
  {{/rows}}
  </section>
  {{/isPresent}}{{/metadata}}
  {{#datasets}}{{#isPresent}}
  <section>
  <h2>Datasets</h2>
  <div class="wide"><table>
  <thead><tr><th>Dataset type</th><th>Datasets</th><th>Size</th><th>Mean size</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{type}}</th><td>{{count}}</td><td>{{bytes}}</td><td>{{mean}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  </section>
  {{/isPresent}}{{/datasets}}
  {{#configuration}}{{#isPresent}}
  <section>
  <h2>Configuration</h2>
  {{#rows}}
  <details><summary><b>{{task}}</b></summary><pre>{{yaml}}</pre></details>
  {{/rows}}
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  </section>
  {{/isPresent}}{{/configuration}}
  {{#software}}{{#isPresent}}
  <section>
  <details><summary>Software</summary>
  <div class="wide"><table><tbody>
  {{#rows}}
  <tr><th scope="row">{{name}}</th><td class="text">{{version}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  </details>
  </section>
  {{/isPresent}}{{/software}}
  """
