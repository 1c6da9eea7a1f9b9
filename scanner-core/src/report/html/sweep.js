// What a store of sweeps knows of a finding: its state, its days, who answers for it, the repositories that hold it.

/** What a page adds that is served live: it may say what becomes of a finding. */
const hooks = { controls: null, start: null };
const MOST_REPOSITORIES = 8;
const TRACKED_FACTS = ["finding", "state", "reason", "until", "said by", "first seen", "last seen", "came back", "repositories", "owners"];

/** Names a finding for as long as the page is open: its place in the list may change. */
const keyOf = (item) => item.finding.tracked?.finding ?? item.finding.fingerprint + item.index;

function trackedBadges({ tracked }) {
  if (!tracked) return [];
  const [label, colour] = STATES[tracked.state] || [capital(tracked.state), "quiet"];
  const state = tracked.state === "open" ? null : el(colour === "quiet" ? "span.badge" : `span.badge.${colour}`, {}, label);
  return [state, tracked.returned && el("span.badge.critical", {}, "Came back")].filter(Boolean);
}

/** `acknowledged until 1 Feb 2027, said by ann on 21 Nov 2026`. */
function stateWords(tracked) {
  const until = tracked.until && tracked.state === "acknowledged" ? `, open again on ${date(tracked.until)}` : "";
  const ranOut = tracked.until && tracked.state === "open" ? `, the acknowledgement ran out on ${date(tracked.until)}` : "";
  const by = tracked.by ? ` · said by ${tracked.by}${tracked.changed ? ` on ${date(tracked.changed)}` : ""}` : "";
  return `${stateName(tracked.state)}${until}${ranOut}${by}`;
}

function trackedSection(item) {
  const { tracked } = item.finding;
  if (!tracked) return null;
  const pair = (label, value) => value && el("div", {}, el("dt", {}, label), el("dd.wide", {}, value));
  const facts = el("dl.facts", {}, pair("State", stateWords(tracked)), pair("Reason", tracked.reason), pair("Came back", tracked.returned && `on ${date(tracked.returned)}, after it was ended`),
    pair("First seen", date(tracked.first_seen)), pair("Last seen", date(tracked.last_seen)), pair("Owners", (tracked.owners || []).join(", ")), pair("Repositories", number(tracked.repositories)));
  return section("State", facts, hooks.controls?.(item));
}

/** Which repositories hold it, and in how many places each. */
function repositories(item) {
  const counts = new Map();
  for (const { repository } of item.finding.occurrences) if (repository) counts.set(repository, (counts.get(repository) || 0) + 1);
  if (counts.size < 2) return null;
  const all = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const line = ([name, count]) => el("li", {}, el("code", {}, name), el("span.number", {}, counted(count, "place")));
  const list = el("ul.repositories", {}, all.slice(0, MOST_REPOSITORIES).map(line));
  const left = all.length - MOST_REPOSITORIES;
  const unlisted = item.finding.tracked?.repositories - all.length;
  const hint = unlisted > 0 && el("p.hint", {}, `${counted(unlisted, "more repository", "more repositories")} not listed here.`);
  if (left <= 0) return section(counted(all.length, "repository", "repositories"), list, hint);
  const more = el("button.link", { type: "button" }, `Show ${counted(left, "more repository", "more repositories")}`);
  more.addEventListener("click", () => {
    append(list, all.slice(MOST_REPOSITORIES).map(line));
    more.remove();
  });
  return section(counted(all.length, "repository", "repositories"), list, more, hint);
}
