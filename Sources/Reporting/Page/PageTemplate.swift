// SPDX-License-Identifier: GPL-3.0-or-later
// The page's frame.

/// A Mustache template; `{{{ }}}`, which does not escape, holds the style alone.
let pageTemplate = """
  {{% CONTENT_TYPE:ESCAPED_HTML }}
  <!DOCTYPE html>
  <html lang="en">
  <head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
  <title>{{run}}: {{status}}</title>
  <style>
  {{{style}}}
  </style>
  </head>
  <body>
  <header>
  <p class="kind">skydiff report</p>
  <h1>{{run}} <span class="badge {{statusStyle}}">{{status}}</span></h1>
  <ul class="figures">
  {{#figures}}
  <li><span class="name">{{name}}</span><span class="value">{{value}}</span><span class="note">{{note}}</span></li>
  {{/figures}}
  </ul>
  </header>
  <main>
  {{#warnings}}{{#isPresent}}
  <section class="warnings">
  <h2>Warnings</h2>
  <ul>{{#rows}}<li>{{text}}</li>{{/rows}}{{#isCut}}<li>{{omitted}}</li>{{/isCut}}</ul>
  </section>
  {{/isPresent}}{{/warnings}}
  """ + "\n" + quantaTemplate + "\n" + failuresTemplate + "\n" + timeTemplate + "\n" + dataTemplate + """

    </main>
    <footer>Made from report.json (format version {{formatVersion}}), which has every number in full.</footer>
    </body>
    </html>

    """

private let quantaTemplate = """
  <section>
  <h2>Quanta</h2>
  {{#quanta}}
  <div class="wide"><table>
  <thead><tr><th>Task</th><th class="bar">Outcomes</th><th>Unknown</th><th>Successful</th><th>Caveats</th><th>Blocked</th>\
  <th>Failed</th><th>Total</th><th>Expected</th></tr></thead>
  <tbody>
  {{#rows}}
  \(quantaRow)
  {{/rows}}
  </tbody>
  <tfoot>
  {{#totals}}
  \(quantaRow)
  {{/totals}}
  </tfoot>
  </table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  <ul class="key">
  <li><i class="successful"></i>successful</li><li><i class="caveat"></i>successful, with a caveat</li>\
  <li><i class="failed"></i>failed</li><li><i class="blocked"></i>blocked by a failure upstream</li>\
  <li><i class="unknown"></i>unknown: not done yet, or lost</li>
  </ul>
  {{#hasLegend}}
  <dl class="legend"><div>Caveat codes:</div>\
  {{#legend}}<div><dt>{{letter}}</dt><dd>{{meaning}}</dd></div>{{/legend}}</dl>
  {{/hasLegend}}
  {{/quanta}}
  </section>
  """

private let quantaRow = """
  <tr><th scope="row">{{task}}</th><td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" \
  aria-label="{{barText}}"><title>{{barText}}</title>\
  {{#bar}}<rect class="{{style}}" x="{{x}}" y="0" width="{{width}}" height="8"/>{{/bar}}</svg></td>\
  {{#unknown}}<td{{#isZero}} class="zero"{{/isZero}}>{{text}}</td>{{/unknown}}\
  {{#successful}}<td{{#isZero}} class="zero"{{/isZero}}>{{text}}</td>{{/successful}}\
  <td>{{#caveats}}<span{{#isZero}} class="zero"{{/isZero}}>{{text}}</span>{{/caveats}}\
  {{#hasCodes}} <span class="codes">{{codes}}</span>{{/hasCodes}}</td>\
  {{#blocked}}<td{{#isZero}} class="zero"{{/isZero}}>{{text}}</td>{{/blocked}}\
  {{#failed}}<td class="{{#isZero}}zero{{/isZero}}{{^isZero}}bad{{/isZero}}">{{text}}</td>{{/failed}}\
  <td>{{total}}</td><td>{{expected}}</td></tr>
  """

private let failureRow = """
  <details><summary><b>{{task}}</b> <span>{{dataID}}</span> <span class="category">{{category}}</span></summary>
  <pre class="message">{{message}}</pre>
  {{#hasInputs}}<h4>Inputs</h4><ul class="inputs">{{#inputs}}<li>{{.}}</li>{{/inputs}}</ul>{{/hasInputs}}
  {{#hasLog}}<h4>Last lines of the log</h4><pre>{{log}}</pre>{{/hasLog}}
  </details>
  """

private let failuresTemplate = """
  {{#failures}}{{#isPresent}}
  <section>
  <h2>Failures <span class="count">{{count}}</span></h2>
  {{#exceptions}}{{#isPresent}}
  <div class="wide"><table>
  <thead><tr><th>Task</th><th class="text">Category</th><th>Quanta</th><th class="text">The first</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{task}}</th><td class="text">{{category}}</td><td>{{count}}</td>\
  <td class="text"><span class="muted">{{dataID}}:</span> {{message}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  {{/isPresent}}{{/exceptions}}
  <div class="list">
  {{#first}}
  \(failureRow)
  {{/first}}
  </div>
  {{#hasRest}}
  <details><summary>{{restCount}} more failures</summary><div class="list nested">
  {{#rest}}
  \(failureRow)
  {{/rest}}
  </div></details>
  {{/hasRest}}
  {{#short}}{{#isPresent}}
  <details><summary>More failures, in short</summary>
  <div class="wide"><table><tbody>
  {{#rows}}
  <tr><th scope="row">{{task}}</th><td class="text">{{dataID}}</td><td class="text">{{category}}</td>\
  <td class="text">{{message}}</td></tr>
  {{/rows}}
  </tbody></table></div>
  </details>
  {{/isPresent}}{{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}{{/short}}
  {{#hasUnlisted}}<p class="more">{{unlisted}} more failures are counted, but not listed.</p>{{/hasUnlisted}}
  </section>
  {{/isPresent}}{{/failures}}
  {{#caveats}}{{#isPresent}}
  <section>
  <details><summary>Quanta with caveats <span class="count">{{count}}</span></summary>
  <div class="wide"><table>
  <thead><tr><th>Task</th><th class="text">Data ID</th><th class="text">Code</th></tr></thead>
  <tbody>
  {{#rows}}
  <tr><th scope="row">{{task}}</th><td class="text">{{dataID}}</td><td class="text"><code>{{code}}</code></td></tr>
  {{/rows}}
  </tbody></table></div>
  {{#isCut}}<p class="more">{{omitted}}</p>{{/isCut}}
  </details>
  </section>
  {{/isPresent}}{{/caveats}}
  """
