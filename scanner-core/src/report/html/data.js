"use strict";
// The report's data: read once, each finding given what filters, search and order need.

const SEVERITIES = ["critical", "high", "medium", "low"];
const DAY = 86400000;
const AGES = [
  ["week", "1 week", 7],
  ["month", "1 month", 31],
  ["half", "6 months", 183],
  ["year", "1 year", 366],
  ["three", "3 years", 1096],
  ["older", "older", Infinity],
  ["undated", "undated", NaN],
];
const STANDS = [
  ["disk", "On disk"],
  ["index", "Staged"],
  ["head", "In HEAD"],
  ["gone", "History only"],
  ["history", "In history"],
  ["message", "In a message"],
  ["image", "In an image"],
  ["buried", "Buried in a layer"],
  ["bucket", "In a bucket"],
  ["log", "In a log"],
  ["run", "In a pipeline's run"],
  ["input", "Standard input"],
  ["other", "Elsewhere"],
];
const VALIDITIES = { active: ["Active", "critical"], inactive: ["Inactive", "good"], unknown: ["Unknown", "medium"], unchecked: ["Not asked", "quiet"] };

let report;
let summary;
let rules;
let findings;
const now = Date.now();
take(JSON.parse(document.getElementById("data").textContent));

/** Takes in a report, or what is new in it. */
function take(data) {
  report = { ...report, ...data };
  summary = report.summary;
  rules = summary.rules || {};
  findings = report.findings.map(prepare);
}

function prepare(finding, index) {
  const rule = rules[finding.rule] || {};
  const times = finding.occurrences.filter((place) => place.time).map((place) => Date.parse(place.time));
  // Not Math.min(...times): a list may be longer than a call's arguments may be.
  const entered = times.reduce((least, time) => Math.min(least, time), Infinity);
  const first = finding.occurrences[0] || {};
  const item = {
    finding,
    index,
    rule,
    name: rule.name || finding.rule,
    provider: rule.provider_name || finding.provider,
    places: finding.occurrences.length + (finding.more_occurrences || 0),
    entered: entered === Infinity ? null : entered,
    path: first.path || first.origin || "",
    isPractice: finding.kind === "practice",
    isSuppressed: finding.occurrences.length > 0 && finding.occurrences.every((place) => place.suppression),
    stands: stands(finding.occurrences),
  };
  item.facets = {
    severity: [finding.severity],
    validity: [finding.validity],
    provider: [item.provider],
    age: [age(item.entered)],
    stands: item.stands,
    status: [item.isSuppressed ? "suppressed" : item.isPractice ? "practice" : "counts"],
    tracked: finding.tracked ? [finding.tracked.state] : [],
  };
  item.words = words(item);
  return item;
}

/** Where a secret stands: history alone only when it is known to be gone from HEAD. */
function stands(places) {
  const found = new Set();
  for (const place of places) {
    const isLog = place.job || place.step || (place.run && place.run.part === "log");
    if (isLog) found.add("log");
    if (place.in_head === true) found.add("head");
    if (place.source === "image") found.add(place.image && place.image.fate && place.image.fate !== "kept" ? "buried" : "image");
    else if (place.source === "run" && isLog) continue;
    else if (place.source !== "history") found.add(place.source || (place.commit ? "history" : "disk"));
  }
  const isHistory = places.some((place) => place.source === "history");
  if (isHistory && !found.has("disk") && !found.has("head") && !found.has("index")) {
    found.add(places.some((place) => place.in_head === false) ? "gone" : "history");
  }
  return STANDS.map(([key]) => key).filter((key) => found.has(key));
}

function age(entered) {
  if (entered === null) return "undated";
  const days = (now - entered) / DAY;
  return AGES.find(([, , most]) => days <= most)[0];
}

/** What a search looks at, in small letters. */
function words({ finding, rule, name, provider, places }) {
  const some = (field) => [...new Set(finding.occurrences.map((place) => place[field]).filter(Boolean))].join("\n");
  const fields = {
    path: some("path"),
    rule: finding.rule,
    author: some("author"),
    commit: some("commit"),
    repo: some("repository"),
    rest: [name, provider, finding.key, finding.fingerprint, finding.redacted || finding.secret, finding.severity, finding.validity,
      some("origin"), finding.occurrences.map((place) => [place.image, place.object, place.run].flatMap((inside) => Object.values(inside || {})).join(" ")).join("\n"), some("job"), some("step"), Object.values(finding.facts || {}).join("\n"), (finding.tracked?.owners || []).join("\n"), Object.values(finding.verification?.identity || {}).join("\n"), (finding.vault || []).map((at) => Object.values(at).join(" ")).join("\n"), rule.help].join("\n"),
  };
  for (const key of Object.keys(fields)) fields[key] = (fields[key] || "").toLowerCase();
  fields.all = Object.values(fields).join("\n");
  return fields;
}

/** A search as a test: words, "words together", -without, field:word. */
function matcher(query) {
  const terms = [...query.toLowerCase().matchAll(/(-?)(?:(path|rule|author|commit|repo):)?(?:"([^"]*)"?|(\S+))/g)]
    .map(([, minus, field, quoted, word]) => ({ without: minus === "-", field: field || "all", text: quoted ?? word }))
    .filter(({ text }) => text);
  return (item) => terms.every(({ without, field, text }) => item.words[field].includes(text) !== without);
}

const rank = (item) => SEVERITIES.indexOf(item.finding.severity);
const SORTS = {
  severity: ["Severity", (a, b) => a.index - b.index],
  newest: ["Newest first", (a, b) => (b.entered ?? -Infinity) - (a.entered ?? -Infinity)],
  oldest: ["Oldest first", (a, b) => (a.entered ?? Infinity) - (b.entered ?? Infinity)],
  places: ["Most places", (a, b) => b.places - a.places],
  confidence: ["Surest first", (a, b) => b.finding.confidence - a.finding.confidence],
  provider: ["Provider", (a, b) => a.provider.localeCompare(b.provider)],
  seen: ["Found last", (a, b) => Date.parse(b.finding.tracked?.first_seen) - Date.parse(a.finding.tracked?.first_seen) || 0],
  path: ["Path", (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)],
};
const GROUPS = {
  none: ["By secret", null],
  severity: ["By severity", (item) => item.finding.severity, (a, b) => rank(a) - rank(b)],
  provider: ["By provider", (item) => item.provider],
  rule: ["By rule", (item) => item.name],
  path: ["By file", (item) => item.path],
};

function compareGroups(group, counts) {
  const [, key, order] = GROUPS[group];
  if (order) return order;
  return (a, b) => counts.get(key(b)) - counts.get(key(a)) || (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
}
