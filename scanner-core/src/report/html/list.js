// The list: a row a secret, and behind each row its places, its timeline, the reasons and what to do.

const STAND_CLASS = { disk: "critical", index: "critical", head: "high", gone: "", bucket: "critical", log: "medium", run: "medium", image: "critical", buried: "high" };
const MOST_PLACES = 12;

function row(item, isOpen) {
  const { finding } = item;
  const id = `finding-${item.index}`;
  const classes = ["row", item.isSuppressed ? "suppressed" : finding.severity, isOpen ? "open" : ""].filter(Boolean).join(".");
  const head = el("button.head", { type: "button", "aria-expanded": String(isOpen), "aria-controls": id, "data-index": item.index },
    el("span.severity", {}, el(`span.badge.${finding.severity}`, {}, capital(finding.severity))),
    el("span.what", {}, el("span.title", {}, el("strong", {}, item.name), " ", el("code", {}, finding.redacted || finding.secret)),
      " ", el("span.where", {}, el("code", {}, place(finding.occurrences[0])), item.places > 1 ? ` and ${counted(item.places - 1, "more place")}` : "")),
    " ", el("span.badges", {}, badges(item)),
    " ", el("span.since", { title: item.entered === null ? null : `Entered ${date(item.entered)}` }, item.entered === null ? "" : short(now - item.entered)),
    svg("svg.chevron", { viewBox: "0 0 14 14", "aria-hidden": "true" }, svg("path", { d: "m5 2 5 5-5 5" })));
  const body = el("div.detail", { id, hidden: !isOpen });
  if (isOpen) append(body, detail(item));
  return el(`li.${classes}`, {}, el("h3", {}, head), body);
}

function badges(item) {
  const all = [];
  const { validity } = item.finding;
  if (validity !== "unchecked") all.push(el(`span.badge.${(VALIDITIES[validity] || [, ""])[1]}`.replace(/\.$/, ""), {}, (VALIDITIES[validity] || [capital(validity)])[0]));
  if (item.isPractice) all.push(el("span.badge.accent", {}, "Risky practice"));
  all.push(...trackedBadges(item.finding));
  if (item.isSuppressed && !item.finding.tracked) all.push(el("span.badge", {}, "Suppressed"));
  else if (item.finding.decision?.verdict === "warn") all.push(el("span.badge", {}, "Warning only"));
  for (const key of item.stands) {
    const label = STANDS.find(([known]) => known === key)[1];
    all.push(el(STAND_CLASS[key] ? `span.badge.${STAND_CLASS[key]}` : "span.badge", {}, label));
  }
  return all.flatMap((badge) => [badge, " "]);
}

/** `path:line:column`, which editors open. */
function place(at) {
  if (!at) return "";
  return `${at.path || at.origin}:${at.line}:${at.column}`;
}

function detail(item) {
  const { finding } = item;
  return [
    el("div", {}, clearValue(finding), repositories(item), section(item.places > 1 ? counted(item.places, "place") : "Place", places(item)), timeline(item), reasons(item)),
    el("div", {}, trackedSection(item), section("What to do", steps(item)), identity(item), !finding.tracked && allow(finding)),
  ];
}

const section = (title, ...children) => el("section", {}, el("h4", {}, title), children);

function places(item) {
  const all = item.finding.occurrences;
  const list = el("ul.places", {}, all.slice(0, MOST_PLACES).map(placeRow));
  const left = all.length - MOST_PLACES;
  const unlisted = item.finding.more_occurrences ? el("p.hint", {}, `${counted(item.finding.more_occurrences, "more place")} not listed in the report.`) : null;
  if (left <= 0) return [list, unlisted];
  const more = el("button.link", { type: "button" }, `Show ${counted(left, "more place")}`);
  more.addEventListener("click", () => {
    append(list, all.slice(MOST_PLACES).map(placeRow));
    more.remove();
  });
  return [list, more, unlisted];
}

function placeRow(at) {
  const source = { disk: "on disk", index: "staged", message: "message", input: "standard input" }[at.source];
  const extra = [
    source && el(`span.badge${source === "on disk" || source === "staged" ? ".critical" : ""}`, {}, source),
    at.in_head === true && el("span.badge.high", {}, "in HEAD"),
    at.in_head === false && el("span.badge", {}, "gone from HEAD"),
    at.commit && el("span", {}, "since ", commitLink(at), at.author ? `, ${at.author.split(" <")[0]}` : "", at.time ? `, ${date(at.time)}` : ""),
    at.image && el("span", {}, inImage(at.image)),
    at.object && el("span", {}, `object of the bucket ${at.object.bucket}${at.object.version ? `, version ${at.object.version}` : ""}`),
    at.run && el("span", {}, at.run.artifact ? `artifact ${at.run.artifact} of ${at.run.name}` : `log of ${at.run.name}`),
    (at.job || at.step) && el("span", {}, [at.job && `job ${at.job}`, at.step && `step ${at.step}`].filter(Boolean).join(", ")),
    at.trail && el("span", {}, `inside ${at.trail.join(" › ")}`),
    ...(at.parts || []).map((part) => el("span", {}, `with ${part.rule} at line ${part.line}`)),
    at.suppression && !at.repository && el("span.badge", {}, excuse(at.suppression)),
  ].filter(Boolean);
  return el("li", {}, el("code", {}, place(at)), copyButton(place(at), "the path"), extra.length > 0 && el("div.extra", {}, extra));
}

function inImage({ fate, step, config }) {
  const what = fate && fate !== "kept" ? `${fate} in a later layer` : config ? "image configuration" : "in the image";
  return step ? `${what}, by ${step}` : what;
}

function excuse({ kind, reason }) {
  const words = { mark: "marked on its line", allowlist: "allowed", known: "a public value", baseline: "accepted in the baseline", policy: "the policy allows it" }[kind] || kind;
  return reason ? `${words}: ${reason}` : words;
}

/** The commit, as a link where the repository's address says which page shows it. */
function commitLink(at) {
  const label = el("code", { title: at.commit }, at.commit.slice(0, 10));
  const urls = at.repository ? [`https://${at.repository}`] : (summary.repositories || []).map((repository) => repository.url).filter(Boolean);
  if (urls.length !== 1) return label;
  const known = /^(?:https|ssh):\/\/(github\.com|gitlab\.[a-z.]+|bitbucket\.org|codeberg\.org)(?::22)?\/(.+?)(?:\.git)?\/?$/.exec(urls[0]);
  if (!known) return label;
  const [, host, path] = known;
  const page = host.startsWith("gitlab") ? "-/commit" : host === "bitbucket.org" ? "commits" : "commit";
  return el("a", { href: `https://${host}/${path.split("/").map(encodeURIComponent).join("/")}/${page}/${encodeURIComponent(at.commit)}`, rel: "noopener noreferrer", target: "_blank" }, label);
}

function timeline(item) {
  const dated = item.finding.occurrences.filter((at) => at.time && at.commit).sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  if (!dated.length && !item.stands.some((key) => ["disk", "head", "gone"].includes(key))) return null;
  const commits = [];
  for (const at of dated) {
    const known = commits.find((one) => one.commit === at.commit);
    if (known) known.paths.push(at.path || at.origin);
    else commits.push({ ...at, paths: [at.path || at.origin] });
  }
  const shown = commits.length > 7 ? [...commits.slice(0, 6), null, commits[commits.length - 1]] : commits;
  const event = (at, index) => {
    if (!at) return el("li", {}, el("span.sub", {}, `${counted(commits.length - 7, "commit")} between`));
    const paths = at.paths.length > 1 ? `${at.paths[0]} and ${counted(at.paths.length - 1, "more path")}` : at.paths[0];
    return el(index ? "li" : "li.entered", {}, el("time", { datetime: at.time }, date(at.time)), " ", index ? "also in " : "entered in ", el("code", {}, paths),
      el("div.sub", {}, "commit ", commitLink(at), at.author ? ` by ${at.author.split(" <")[0]}` : ""));
  };
  return section("Timeline", el("ol.timeline", {}, shown.map(event), today(item)));
}

function today(item) {
  const has = (key) => item.stands.includes(key);
  const since = item.entered === null ? "" : `, exposed for ${span(now - item.entered)}`;
  const files = new Set(item.finding.occurrences.filter((at) => at.source === "disk").map((at) => at.path)).size;
  const live = [has("disk") && `on disk in ${counted(files, "file")}`, has("index") && "staged", has("head") && "in HEAD"].filter(Boolean);
  if (live.length) return el("li.stands", {}, el("strong", {}, "Today"), ` still ${live.join(" and ")}${since}`);
  if (has("gone")) return el("li.gone", {}, el("strong", {}, "Today"), ` gone from HEAD; it stays in the history and in every clone${since}`);
  return el("li", {}, el("strong", {}, "Today"), ` in the history; whether HEAD still holds it is not known${since}`);
}

function steps(item) {
  const needed = { always: true, "in-files": item.stands.some((key) => ["disk", "head", "index"].includes(key)), "in-history": item.finding.occurrences.some((at) => ["history", "message"].includes(at.source)), "in-image": item.finding.occurrences.some((at) => at.image), "in-log": item.stands.includes("log") };
  const advice = item.rule.help || report.advice;
  const isService = !report.no_service.includes(item.finding.provider);
  const words = { at: isService ? `at ${item.provider}` : "where it was issued", of: isService ? `of ${item.provider}` : "of whatever it opens", advice };
  const fill = (text) => text.replace(/\{(at|of|advice)\}/g, (_, name) => words[name]).replace("--fingerprint ID", `--fingerprint ${item.finding.fingerprint}`);
  const list = item.isPractice ? [{ title: "Change the pipeline", text: "{advice}" }] : report.steps.filter((step) => needed[step.when]);
  const links = (item.rule.references || []).filter((url) => /^https:\/\//.test(url));
  return el("ol.steps", {}, list.map((step, index) => el("li", {}, el("strong", {}, fill(step.title)), el("p", {}, withCode(fill(step.text))),
    index === 0 && links.map((url) => el("p", {}, link(url, url.replace(/^https:\/\/(www\.)?/, "").replace(/\/$/, "")))))));
}

/** What stands between backticks is a command. */
const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));

function reasons(item) {
  const { evidence, confidence } = item.finding;
  const most = evidence.reduce((highest, { weight }) => Math.max(highest, Math.abs(weight)), 1);
  const line = ({ reason, weight }) => {
    const width = (40 * Math.abs(weight)) / most;
    return el("li", {}, el("span", {}, reason === "rule" ? "the form is known" : reason.replaceAll("-", " ")),
      svg("svg", { viewBox: "0 0 84 8", "aria-hidden": "true" }, svg(`rect.fill-${weight < 0 ? "medium" : "good"}`, { x: weight < 0 ? 42 - width : 42, y: 0, width, height: 8, rx: 2 }), svg("line.axis", { x1: 42, x2: 42, y1: 0, y2: 8 })),
      el("span.number", {}, `${weight > 0 ? "+" : "−"}${Math.abs(weight).toFixed(1)}`));
  };
  return section(`Why: ${percent(confidence)} % sure`, el("ul.reasons", {}, evidence.map(line)));
}

/** What a rule of the policy made of it. */
function decided(decision) {
  const act = { block: "the policy blocks it", warn: "the policy warns of it; it does not count" }[decision.verdict] || "the policy allows it";
  return `${act}${decision.reason ? `: ${decision.reason}` : ""} (${decision.by})`;
}

function identity(item) {
  const { finding } = item;
  const pair = (label, value, what) => value && el("div", {}, el("dt", {}, label), el(what ? "dd" : "dd.wide", {}, el("code", {}, value)), what && el("dd", {}, copyButton(value, what)));
  const { identity = {}, scopes, reason } = finding.verification || {};
  return section("Identity", el("dl.facts", {}, pair("Fingerprint", finding.fingerprint, "the fingerprint"), pair("Rule", finding.rule, "the rule's id"), pair("Finding", finding.tracked?.finding, "the finding's id"), pair("Name", finding.key, "the name it is assigned to"), pair("Policy", finding.decision && decided(finding.decision)),
    pair("Not known, since", reason), Object.entries(identity).map(([label, value]) => pair(`Opens: ${label}`, value)), pair("Scopes", scopes),
    (finding.vault || []).map((at) => pair("In the vault", `${at.vault}: ${at.entry}, field ${at.field}, version ${at.version} (${at.current ? "current" : "old"})`)),
    Object.entries(finding.facts || {}).filter(([label]) => !finding.tracked || !TRACKED_FACTS.includes(label)).map(([label, value]) => pair(capital(label), value))));
}

const clearValue = (finding) => finding.redacted && section("Value in clear", el("pre", {}, finding.secret), " ", copyButton(finding.secret, "the value"));

/** What to paste into stopleak.toml when it is no secret. */
function allow(finding) {
  const text = `[[allow]]\nreason = "say why it is no secret"\nfingerprint = "${finding.fingerprint}"\n`;
  return el("details.allow", {}, el("summary", {}, "It is no secret"), el("p.hint", {}, "Paste this into stopleak.toml, with the reason:"), el("pre", {}, text), copyButton(text, "the allow entry", "Copy entry"));
}
