// What was found in how much, what was not scanned, and four charts whose bars are filters.

function drawVerdict(items) {
  const secrets = items.filter((item) => !item.isPractice && !item.isSuppressed);
  const practices = items.filter((item) => item.isPractice && !item.isSuppressed);
  const places = secrets.reduce((sum, item) => sum + item.places, 0);
  const worst = SEVERITIES.find((severity) => secrets.some((item) => item.finding.severity === severity));
  const partial = summary.skipped.length > 0;
  const verdict = byId("verdict");
  verdict.className = `verdict ${worst || (partial ? "medium" : "good")}`;
  const title = secrets.length ? `${counted(secrets.length, "secret")} in ${counted(places, "place")}` : "No secrets found";
  replace(verdict, el("div", {}, el("h2", {}, title), el("p.lead", {}, lead(secrets, practices, partial)), meta()), tiles(secrets));
}

function lead(secrets, practices, partial) {
  const parts = [];
  const now = secrets.filter((item) => item.stands.some((key) => ["disk", "head", "index", "image"].includes(key))).length;
  const gone = secrets.filter((item) => item.stands.includes("gone")).length;
  if (now) parts.push(`${number(now)} still in the files`);
  if (gone) parts.push(`${number(gone)} in the history only`);
  if (practices.length) parts.push(counted(practices.length, "risky practice"));
  if (summary.suppressed) parts.push(`${number(summary.suppressed)} suppressed`);
  if (summary.below_gate) parts.push(`${number(summary.below_gate)} below the gate`);
  if (!secrets.length) parts.unshift(partial ? "but not everything was scanned" : "in everything that was asked for");
  return capital(parts.join(", ")) + (parts.length ? "." : "");
}

function meta() {
  const facts = (summary.repositories || []).slice(0, 3).map((repository) => {
    const at = [repository.branch, repository.revision && repository.revision.slice(0, 10)].filter(Boolean).join(" @ ");
    return [repository.url && `${repository.url} `, at].filter(Boolean);
  });
  facts.push(counted(summary.blobs, "blob"), bytes(summary.bytes));
  if (!summary.trend) facts.push(`scanned in ${seconds(summary.seconds)}`);
  if (report.made) facts.push(`report of ${date(report.made)}`);
  return el("p.meta", {}, facts.filter((fact) => fact.length).map((fact) => el("span", {}, fact)));
}

function tiles(secrets) {
  if (!secrets.length) return null;
  const count = (severity) => secrets.filter((item) => item.finding.severity === severity).length;
  const tile = (severity) => {
    const found = count(severity);
    return el(`div.tile.${found ? severity : "none"}`, {}, el("b", {}, number(found)), el("span", {}, capital(severity)));
  };
  return el("div.tiles", {}, SEVERITIES.map(tile));
}

function drawCoverage() {
  const { skipped, notes } = summary;
  const section = byId("coverage");
  section.className = `coverage ${skipped.length ? "partial" : "whole"}`;
  const row = (note) => el("li", {}, el("code", {}, note.object), el("span", {}, capital(note.reason)));
  // A list of a hundred thousand would freeze the page; the count says how many there are.
  const list = (all) => [el("ul", {}, all.slice(0, 1000).map(row)), all.length > 1000 && el("p", {}, `and ${number(all.length - 1000)} more`)];
  const more = notes.length > 0 && el("details", {}, el("summary", {}, counted(notes.length, "note")), list(notes));
  if (!skipped.length) {
    const title = el("h2", {}, el("span.mark", { "aria-hidden": "true" }, "✓"), "Everything asked for was scanned");
    return replace(section, title, el("p", {}, `${counted(summary.blobs, "blob")}, ${bytes(summary.bytes)}`), more);
  }
  const title = el("h2", {}, el("span.mark", { "aria-hidden": "true" }, "!"), `Not scanned: ${counted(skipped.length, "item")}`);
  const text = el("p", {}, "What is listed here was asked for and could not be scanned. It may hold secrets that this report does not show.");
  const shown = skipped.length <= 6 ? list(skipped)
    : [el("ul", {}, skipped.slice(0, 4).map(row)), el("details", {}, el("summary", {}, `${number(skipped.length - 4)} more`), list(skipped.slice(4)))];
  replace(section, title, text, shown, more);
}

/** One line of a chart; `fill` names its colour. */
function bar(facet, key, label, count, most, colour, pressed) {
  const width = most ? Math.max(count ? 1 : 0, (100 * count) / most) : 0;
  return el("button.bar", toggle(facet, key, pressed),
    el("span.label", { title: label }, label), " ", el("span.number", {}, number(count)),
    svg("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, svg(`rect.fill-${colour}`, { width, height: 6 })));
}

function toggle(facet, key, pressed) {
  return { type: "button", "aria-pressed": String(pressed), "data-facet": facet, "data-key": key };
}

function severityChart(counts, on) {
  const total = SEVERITIES.reduce((sum, key) => sum + (counts.get(key) || 0), 0);
  const radius = 42;
  const around = 2 * Math.PI * radius;
  let turn = 0;
  const arcs = SEVERITIES.map((key) => {
    const share = total ? (counts.get(key) || 0) / total : 0;
    const arc = svg(`circle.fill-${key}.arc`, { cx: 55, cy: 55, r: radius, "stroke-dasharray": `${share * around} ${around}`, "stroke-dashoffset": -turn * around, transform: "rotate(-90 55 55)" });
    turn += share;
    return share ? arc : null;
  });
  const ring = svg("svg", { viewBox: "0 0 110 110", width: 110, height: 110, "aria-hidden": "true" }, svg("circle.ring", { cx: 55, cy: 55, r: radius }), arcs,
    svg("text", { x: 55, y: 63, "text-anchor": "middle" }, number(total)));
  const legend = SEVERITIES.map((key) => {
    const count = counts.get(key) || 0;
    return el("button.bar", toggle("severity", key, on.has(key)), el("span.label", {}, el(`span.dot.fill-${key}`), capital(key)), " ", el("span.number", {}, number(count)));
  });
  return el("section.chart", {}, el("h3", {}, "Severity"), el("div.donut", {}, ring, el("div.bars", {}, legend)));
}

function providerChart(counts, on) {
  const all = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const most = all.length ? all[0][1] : 0;
  const bars = all.map(([key, count]) => bar("provider", key, key, count, most, "accent", on.has(key)));
  return el("section.chart", {}, el("h3", {}, all.length > 5 ? `Provider (${number(all.length)})` : "Provider"), el("div.bars.scroll", { tabindex: all.length > 5 ? "0" : null, role: "group", "aria-label": "Providers" }, bars));
}

function validityChart(counts, on) {
  const all = Object.entries(VALIDITIES).filter(([key]) => counts.has(key));
  for (const key of counts.keys()) if (!VALIDITIES[key]) all.push([key, [capital(key), "quiet"]]);
  const most = Math.max(0, ...counts.values());
  const bars = all.map(([key, [label, colour]]) => bar("validity", key, label, counts.get(key), most, colour, on.has(key)));
  const isOnlyUnchecked = all.length === 1 && all[0][0] === "unchecked";
  const hint = isOnlyUnchecked && el("p.hint", {}, "No provider was asked whether these still work. Treat each as alive until it is revoked.");
  return el("section.chart", {}, el("h3", {}, "Validity"), el("div.bars", {}, bars), hint);
}

const AGE_SHORT = { week: "1 wk", month: "1 mo", half: "6 mo", year: "1 y", three: "3 y", older: "older", undated: "n/a" };

function ageChart(counts, on) {
  const most = Math.max(1, ...counts.values());
  const columns = AGES.filter(([key]) => key !== "undated" || counts.has(key)).map(([key, label]) => {
    const count = counts.get(key) || 0;
    const height = count ? Math.max(3, (92 * count) / most) : 1;
    const words = key === "undated" ? "Undated" : key === "older" ? "Older than 3 years" : `Up to ${label}`;
    return el("button.column", toggle("age", key, on.has(key)), el("span.visually-hidden", {}, `${words} `), el("span.number", {}, number(count)),
      svg("svg", { viewBox: "0 0 30 96", preserveAspectRatio: "none", "aria-hidden": "true" }, svg(`rect.fill-${count ? "accent" : "quiet"}`, { x: 0, y: 96 - height, width: 30, height, rx: 3 })), el("span", { "aria-hidden": "true" }, AGE_SHORT[key]));
  });
  return el("section.chart", {}, el("h3", {}, "In the history since"), el("div.columns", {}, columns));
}

function drawCharts(counts, on) {
  const focused = document.activeElement?.dataset?.facet ? { ...document.activeElement.dataset } : null;
  const scrolled = document.querySelector(".scroll")?.scrollTop || 0;
  replace(byId("charts"), severityChart(counts.severity, on.severity), providerChart(counts.provider, on.provider), validityChart(counts.validity, on.validity), ageChart(counts.age, on.age));
  byId("charts").querySelector(".scroll").scrollTop = scrolled;
  if (focused) byId("charts").querySelector(`[data-facet="${focused.facet}"][data-key="${CSS.escape(focused.key)}"]`)?.focus({ preventScroll: true });
}
