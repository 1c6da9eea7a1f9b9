// What is shown: filters, search, order and page; kept in the address, driven by mouse and keys.

const PAGE = 50;
const MOST_PRINTED = 1000;
const MOST_PRINTED_OPEN = 150;
const FACETS = ["severity", "validity", "provider", "age", "stands", "status", "tracked"];
const state = { query: "", sort: "severity", group: "none", page: 0, open: new Set(), kept: new Set(), on: Object.fromEntries(FACETS.map((facet) => [facet, new Set()])) };
let visible = [];

/** The findings that pass every filter, or every one but `except`. */
function passing(items, except) {
  const active = FACETS.filter((facet) => facet !== except && state.on[facet].size);
  return items.filter((item) => active.every((facet) => item.facets[facet].some((key) => state.on[facet].has(key))));
}

/** For each facet, how many findings each of its keys would show. */
function count(items) {
  const counts = {};
  for (const facet of FACETS) {
    counts[facet] = new Map();
    for (const item of passing(items, facet)) for (const key of item.facets[facet]) counts[facet].set(key, (counts[facet].get(key) || 0) + 1);
    for (const key of state.on[facet]) if (!counts[facet].has(key)) counts[facet].set(key, 0);
  }
  return counts;
}

function refresh() {
  if (!findings.length) return;
  const found = findings.filter(matcher(state.query));
  const counts = count(found);
  const shown = new Set(passing(found));
  visible = arranged(found.filter((item) => shown.has(item) || state.kept.has(keyOf(item))));
  state.page = Math.max(0, Math.min(state.page, Math.ceil(visible.length / PAGE) - 1));
  drawCharts(counts, state.on);
  drawChips(counts);
  drawList(visible.slice(state.page * PAGE, (state.page + 1) * PAGE));
  drawStatus();
  remember();
}

function arranged(items) {
  const sorted = [...items].sort((a, b) => SORTS[state.sort][1](a, b) || a.index - b.index);
  const key = GROUPS[state.group][1];
  if (!key) return sorted;
  const sizes = new Map();
  for (const item of sorted) sizes.set(key(item), (sizes.get(key(item)) || 0) + 1);
  const order = new Map(sorted.map((item, place) => [item, place]));
  const compare = compareGroups(state.group, sizes);
  return sorted.sort((a, b) => compare(a, b) || order.get(a) - order.get(b));
}

function drawChips(counts) {
  const focused = document.activeElement?.matches?.(".chip") ? { ...document.activeElement.dataset } : null;
  const chip = (facet, key, label, colour) => counts[facet].has(key) && el("button.chip", toggle(facet, key, state.on[facet].has(key)), colour && el(`span.dot.fill-${colour}`), label, " ", el("span.number", {}, number(counts[facet].get(key))));
  const chosen = (facet, label) => [...state.on[facet]].map((key) => chip(facet, key, label(key)));
  const statuses = [["counts", "Secrets"], ["practice", "Risky practice"], ["suppressed", "Suppressed"]];
  const groups = [
    Object.keys(STATES).map((key) => chip("tracked", key, stateName(key), STATES[key][1])),
    SEVERITIES.map((key) => chip("severity", key, capital(key), key)),
    STANDS.map(([key, label]) => chip("stands", key, label)),
    (counts.status.size > 1 && !counts.tracked.size) || state.on.status.size ? statuses.map(([key, label]) => chip("status", key, label)) : [],
    [...chosen("provider", (key) => key), ...chosen("validity", (key) => (VALIDITIES[key] || [capital(key)])[0]), ...chosen("age", (key) => AGES.find(([known]) => known === key)?.[1] ?? key)],
  ];
  const shown = groups.map((group) => group.filter(Boolean)).filter((group) => group.length);
  replace(byId("chips"), shown.map((group) => el("div.chip-group", {}, group)));
  if (focused) byId("chips").querySelector(`[data-facet="${focused.facet}"][data-key="${CSS.escape(focused.key)}"]`)?.focus({ preventScroll: true });
}

function drawList(items, isOpen = (item) => state.open.has(keyOf(item))) {
  const key = GROUPS[state.group][1];
  const sizes = new Map();
  if (key) for (const item of visible) sizes.set(key(item), (sizes.get(key(item)) || 0) + 1);
  let last;
  const rows = items.flatMap((item) => {
    const group = key && key(item);
    const heading = key && group !== last ? [el("li.group", {}, state.group === "severity" ? capital(group) : group, el("span.number", {}, counted(sizes.get(group), "finding")))] : [];
    last = group;
    return [...heading, row(item, isOpen(item))];
  });
  const empty = el("li.empty", {}, "Nothing matches these filters.");
  replace(byId("results"), rows.length ? rows : empty);
}

function drawStatus() {
  const isFiltered = state.query !== "" || FACETS.some((facet) => state.on[facet].size);
  const from = state.page * PAGE;
  const pages = Math.ceil(visible.length / PAGE);
  const range = pages > 1 ? `, ${number(from + 1)} to ${number(Math.min(from + PAGE, visible.length))} shown` : "";
  byId("count").textContent = isFiltered ? `${number(visible.length)} of ${counted(findings.length, "finding")}${range}` : `${counted(findings.length, "finding")}${range}`;
  byId("reset").hidden = !isFiltered;
  const pager = byId("pager");
  pager.hidden = pages < 2;
  const button = (label, by, key) => el("button.tool", { type: "button", disabled: state.page + by < 0 || state.page + by >= pages, "aria-keyshortcuts": key, "data-by": by, onclick: () => turn(by) }, label);
  const focused = pager.contains(document.activeElement) && document.activeElement.dataset.by;
  replace(pager, button("← Previous", -1, "p"), `Page ${number(state.page + 1)} of ${number(pages)}`, button("Next →", 1, "n"));
  if (focused) pager.querySelector(`[data-by="${focused}"]`)?.focus();
}

function turn(by) {
  state.page += by;
  refresh();
  byId("findings").scrollIntoView({ block: "start" });
}

/** Opens or closes one row in place; the list keeps its position and its focus. */
function flip(head) {
  const item = findings[head.dataset.index];
  const key = keyOf(item);
  const isOpen = !state.open.has(key);
  if (isOpen) state.open.add(key);
  else state.open.delete(key);
  const fresh = row(item, isOpen);
  head.closest("li").replaceWith(fresh);
  fresh.querySelector(".head").focus({ preventScroll: true });
  remember();
}

function remember() {
  const parts = new URLSearchParams();
  if (state.query) parts.set("q", state.query);
  for (const facet of FACETS) for (const key of state.on[facet]) parts.append(facet, key);
  if (state.sort !== "severity") parts.set("sort", state.sort);
  if (state.group !== "none") parts.set("group", state.group);
  if (state.page) parts.set("page", state.page + 1);
  if (state.open.size === 1) parts.set("open", findings.find((item) => state.open.has(keyOf(item)))?.finding.fingerprint ?? "");
  const hash = parts.toString();
  // Some browsers forbid this for files; the report works without.
  try {
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  } catch {}
}

function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  state.query = parts.get("q") || "";
  state.sort = SORTS[parts.get("sort")] ? parts.get("sort") : "severity";
  state.group = GROUPS[parts.get("group")] ? parts.get("group") : "none";
  state.page = Math.max(0, (Number(parts.get("page")) || 1) - 1);
  for (const facet of FACETS) state.on[facet] = new Set(parts.getAll(facet));
  const open = findings.find((item) => item.finding.fingerprint === parts.get("open"));
  state.open = new Set(open ? [keyOf(open)] : []);
  if (report.live && !location.hash) state.on.tracked.add("open");
  byId("search").value = state.query;
  byId("sort").value = state.sort;
  byId("group").value = state.group;
}

function press(button) {
  const keys = state.on[button.dataset.facet];
  if (!keys.delete(button.dataset.key)) keys.add(button.dataset.key);
  state.page = 0;
  state.kept.clear();
  refresh();
}

function clear() {
  state.kept.clear();
  state.query = byId("search").value = "";
  for (const facet of FACETS) state.on[facet].clear();
  state.page = 0;
  refresh();
}

function theme(next) {
  const root = document.documentElement;
  if (next === "auto") delete root.dataset.theme;
  else root.dataset.theme = next;
  byId("theme").textContent = `Theme: ${next}`;
  try {
    localStorage.setItem("stopleak-theme", next);
  } catch {}
}

function nextTheme() {
  const order = ["auto", "light", "dark"];
  theme(order[(order.indexOf(document.documentElement.dataset.theme || "auto") + 1) % 3]);
  say(byId("theme").textContent);
}

/** Moves to the next or previous row, over the edge of a page where there is one. */
function move(by) {
  const heads = [...document.querySelectorAll(".head")];
  const at = document.activeElement?.closest?.(".row")?.querySelector(".head");
  const next = at ? heads.indexOf(at) + by : by > 0 ? 0 : -1;
  if (heads[next]) return reach(heads[next]);
  const pages = Math.ceil(visible.length / PAGE);
  if (!at || state.page + by < 0 || state.page + by >= pages) return;
  state.page += by;
  refresh();
  const fresh = [...document.querySelectorAll(".head")];
  reach(by > 0 ? fresh[0] : fresh[fresh.length - 1]);
}

function reach(head) {
  head.focus({ preventScroll: true });
  head.scrollIntoView({ block: "nearest" });
}

function escape(event) {
  if (event.target === byId("search")) {
    if (state.query) {
      byId("search").value = "";
      search();
    } else byId("search").blur();
    return;
  }
  const head = event.target.closest?.(".row")?.querySelector('.head[aria-expanded="true"]') || document.querySelector('.head[aria-expanded="true"]');
  if (head) flip(head);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === "Escape") return escape(event);
  if (event.target.matches?.("input, select, textarea")) {
    if (event.key === "Enter" && event.target === byId("search")) move(1);
    return;
  }
  const item = () => findings[document.activeElement?.closest?.(".row")?.querySelector(".head")?.dataset.index];
  const keys = {
    "/": () => !byId("findings").hidden && byId("search").select(),
    "?": () => byId("help").showModal(),
    t: nextTheme,
    j: () => move(1),
    k: () => move(-1),
    n: () => state.page + 1 < Math.ceil(visible.length / PAGE) && turn(1),
    p: () => state.page > 0 && turn(-1),
    c: () => item() && copy(item().finding.fingerprint, "the fingerprint"),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
}

let waiting;
function search() {
  state.query = byId("search").value.trim();
  state.kept.clear();
  state.page = 0;
  refresh();
}

/** On paper: everything that passes the filters, open where that stays readable. */
function beforePrint() {
  const printed = visible.slice(0, MOST_PRINTED);
  drawList(printed, () => visible.length <= MOST_PRINTED_OPEN);
  byId("count").textContent = visible.length > printed.length ? `${number(printed.length)} of ${counted(visible.length, "finding")} printed; filter to print others` : counted(visible.length, "finding");
}

/** Everything that the data says, and the list as the filters have it. */
function draw() {
  const name = (summary.targets || []).join(", ");
  byId("target").textContent = clean(name === "-" ? "standard input" : name || "report");
  document.title = `${byId("target").textContent}: stopleak report`;
  byId("clear-text").hidden = !findings.some((item) => item.finding.redacted);
  drawVerdict(findings);
  drawCoverage();
  drawTrend();
  byId("charts").hidden = byId("findings").hidden = !findings.length;
  refresh();
}

function start() {
  try {
    theme({ light: "light", dark: "dark" }[localStorage.getItem("stopleak-theme")] || "auto");
  } catch {
    theme("auto");
  }
  replace(byId("footer"), `Made by stopleak ${report.stopleak}. One file, no network: nothing is loaded and nothing is sent.`);
  byId("theme").addEventListener("click", nextTheme);
  byId("print").addEventListener("click", () => window.print());
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  byId("help").addEventListener("click", (event) => event.target === byId("help") && byId("help").close());
  document.addEventListener("keydown", onKey);
  const isTracked = findings.some((item) => item.finding.tracked) || report.live;
  const options = (choices) => Object.entries(choices).filter(([key]) => key !== "seen" || isTracked).map(([key, [label]]) => el("option", { value: key }, label));
  replace(byId("sort"), options(SORTS));
  replace(byId("group"), options(GROUPS));
  recall();
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, findings.length > 2000 ? 150 : 0);
  });
  for (const id of ["sort", "group"]) byId(id).addEventListener("change", () => {
    state[id] = byId(id).value;
    state.page = 0;
    refresh();
  });
  byId("reset").addEventListener("click", clear);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-facet]");
    const head = event.target.closest(".head");
    if (button) press(button);
    else if (head) flip(head);
  });
  window.addEventListener("hashchange", () => {
    recall();
    refresh();
  });
  window.addEventListener("beforeprint", beforePrint);
  window.addEventListener("afterprint", refresh);
  hooks.start?.();
  draw();
}

start();
