// The live page alone: asks its own server for what is new, and tells it what people say of findings.

const EVERY = 60000;
const SAYINGS = [
  ["acknowledged", "Acknowledge", "It is known, and stays for a while."],
  ["false-positive", "No secret", "It is no secret, and never was."],
  ["revoked", "Revoked", "It was ended where it was issued."],
  ["rotated", "Rotated", "It was replaced, and ended where it was issued."],
  ["open", "Reopen", "It is to be dealt with."],
];
/** What is being written of a finding, by its key: it outlives the row that shows it. */
const drafts = new Map();
let seenTag = "";

async function ask(path, body) {
  const headers = body === undefined ? { "if-none-match": seenTag } : { "content-type": "application/json", "x-stopleak-token": report.live.token };
  const options = { method: body === undefined ? "GET" : "POST", headers, body: body && JSON.stringify(body), cache: "no-store", credentials: "same-origin", redirect: "error" };
  const response = await fetch(path, options);
  if (response.status === 401) loggedOut();
  return response;
}

function loggedOut() {
  notice("You are no longer logged in. ", el("a", { href: "/" }, "Log in again"));
}

function notice(...words) {
  const box = byId("live-notice");
  box.hidden = !words.length;
  replace(box, words);
}

/** Why a request did not do what it should, in words. */
async function problemOf(response) {
  const said = await response.json().catch(() => ({}));
  return capital(said.error || `the server answered ${response.status}`);
}

async function reload(isAsked) {
  if (drafts.size) return isAsked && say("Save or cancel what you are writing first");
  try {
    const response = await ask("/page/findings");
    if (response.status === 304) return isAsked && tellTime("Nothing new");
    if (!response.ok) return response.status !== 401 && notice(await problemOf(response));
    seenTag = response.headers.get("etag") || "";
    const data = await response.json();
    // What was begun while the answer was on its way is not lost.
    if (drafts.size) return;
    const focused = focusedKey();
    take(data);
    state.kept.clear();
    draw();
    focusOn(focused);
    notice();
    if (isAsked) tellTime("Up to date");
  } catch {
    notice("The server cannot be reached. What you see may be out of date.");
  }
  drawFooter();
}

function tellTime(words) {
  say(words);
  byId("count").textContent += `. ${words}`;
}

const focusedKey = () => {
  const head = document.activeElement?.closest?.(".row")?.querySelector(".head");
  return head ? keyOf(findings[head.dataset.index]) : null;
};

function focusOn(key) {
  const item = key !== null && findings.find((one) => keyOf(one) === key);
  if (item) document.querySelector(`.head[data-index="${item.index}"]`)?.focus({ preventScroll: true });
}

const rowOf = (item) => document.querySelector(`.head[data-index="${item.index}"]`)?.closest("li");

/** Draws one row anew; what had the focus has it again. */
function redraw(item, focus) {
  rowOf(item)?.replaceWith(row(item, state.open.has(keyOf(item))));
  if (focus) rowOf(item)?.querySelector(focus)?.focus({ preventScroll: true });
}

function controls(item) {
  const { tracked } = item.finding;
  if (!report.live.triages) return el("p.hint", {}, "You may look. To say what becomes of a finding takes the role triage.");
  const draft = drafts.get(keyOf(item));
  const isOffered = (said) => said !== tracked.state || said === "acknowledged";
  const button = ([said, label, title]) => el("button.tool", { type: "button", title, "data-say": said, "aria-pressed": String(draft?.state === said), onclick: () => begin(item, said) }, said === tracked.state ? "Acknowledge anew" : label);
  const buttons = el("div.says", { role: "group", "aria-label": "What becomes of it" }, SAYINGS.filter(([said]) => isOffered(said)).map(button));
  return [buttons, draft && form(item, draft)];
}

function begin(item, said) {
  const key = keyOf(item);
  if (drafts.get(key)?.state === said) return cancel(item);
  drafts.set(key, { reason: drafts.get(key)?.reason || "", until: "", state: said });
  redraw(item, ".say input");
}

function cancel(item) {
  const said = drafts.get(keyOf(item))?.state;
  drafts.delete(keyOf(item));
  redraw(item, `[data-say="${said}"]`);
}

function form(item, draft) {
  const id = `say-${item.index}`;
  const field = (name, label, attributes, hint) => {
    const input = el("input", { id: `${id}-${name}`, name, value: draft[name], autocomplete: "off", "aria-describedby": draft.problem ? `${id}-problem` : null, ...attributes });
    input.addEventListener("input", () => (draft[name] = input.value));
    return el("div.field", {}, el("label", { for: `${id}-${name}` }, label), input, hint && el("span.hint", {}, hint));
  };
  const [, , title] = SAYINGS.find(([said]) => said === draft.state);
  const node = el("form.say", { novalidate: true },
    el("p.hint", {}, title), draft.problem && el("p.problem", { id: `${id}-problem`, role: "alert" }, draft.problem),
    field("reason", draft.state === "open" ? "Why (may be empty)" : "Why", { type: "text", maxlength: 1000, required: draft.state !== "open" }, draft.state === "open" ? null : "Never the value itself."),
    draft.state === "acknowledged" && field("until", "Until the end of", { type: "date", min: ISO_DAY(Date.now()) }, "Then it is open again. Without a day it stays."),
    el("div.says", {}, el("button.tool.primary", { type: "submit", disabled: draft.isSent }, draft.isSent ? "Saving…" : "Save"), el("button.tool", { type: "button", onclick: () => cancel(item) }, "Cancel")));
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    send(item, draft);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    cancel(item);
  });
  return node;
}

async function send(item, draft) {
  if (draft.isSent) return;
  if (draft.state !== "open" && !draft.reason.trim()) return refuse(item, draft, "Say why: somebody will ask later.");
  draft.isSent = true;
  redraw(item);
  const { finding, version } = item.finding.tracked;
  try {
    const response = await ask("/page/triage", { finding, version, state: draft.state, reason: draft.reason.trim(), until: draft.until || null });
    draft.isSent = false;
    if (response.ok) return said(item, await response.json());
    if (response.status === 409) return overtaken(item, draft, await response.json());
    refuse(item, draft, await problemOf(response));
  } catch {
    draft.isSent = false;
    refuse(item, draft, "The server cannot be reached. Nothing was changed as far as is known.");
  }
}

function refuse(item, draft, problem) {
  draft.problem = problem;
  redraw(findings[item.index], ".say input");
  rowOf(item)?.querySelector(".say")?.scrollIntoView({ block: "nearest" });
}

/** Puts a finding in the place of what was known of it; it stays in view whatever the filters say. */
function renew(item, answer) {
  const key = keyOf(item);
  report.findings[item.index] = answer.finding;
  findings[item.index] = prepare(answer.finding, item.index);
  if (answer.trend) summary.trend = answer.trend;
  state.kept.add(key);
  seenTag = "";
  return findings[item.index];
}

function said(item, answer) {
  drafts.delete(keyOf(item));
  const fresh = renew(item, answer);
  draw();
  rowOf(fresh)?.querySelector(".head")?.focus({ preventScroll: true });
  say(`${fresh.name} is now: ${stateName(fresh.finding.tracked.state)}`);
}

function overtaken(item, draft, answer) {
  if (!answer.finding) return refuse(item, draft, capital(answer.error));
  const fresh = renew(item, answer);
  draw();
  refuse(fresh, draft, `Meanwhile it changed: ${stateWords(fresh.finding.tracked)}. Look again, then save once more or cancel.`);
}

async function leave() {
  const response = await ask("/page/logout", {}).catch(() => null);
  if (response?.ok) location.assign("/login");
  else notice("You are still logged in: the server did not answer as it should.");
}

function drawFooter() {
  const { name, triages } = report.live;
  const time = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  replace(byId("footer"), `Served live by stopleak ${report.stopleak}, as of ${time}. You are ${name}, and may ${triages ? "look and triage" : "look"}. It asks its own server alone.`);
}

function tool(label, id, onclick) {
  return el("button.tool", { type: "button", id, onclick }, label);
}

hooks.controls = controls;
hooks.start = () => {
  byId("verdict").before(el("div.notice.warn", { id: "live-notice", role: "status", hidden: true }));
  document.querySelector(".tools").prepend(tool("Refresh", "refresh", () => reload(true)));
  if (report.live.logs_out) document.querySelector(".tools").append(tool("Log out", "leave", leave));
  byId("sends").textContent = "This page asks its own server alone, and sends it what you say of findings.";
  drawFooter();
  setInterval(() => document.visibilityState === "visible" && reload(false), EVERY);
};
