// How the findings of a store of sweeps changed day by day: a chart, and the same as a table for who reads it otherwise.

const STATES = { open: ["Open", "critical"], acknowledged: ["Acknowledged", "medium"], "false-positive": ["No secret", "quiet"], revoked: ["Revoked", "low"], rotated: ["Rotated", "good"] };
const stateName = (state) => (STATES[state] || [capital(state)])[0];
const ISO_DAY = (time) => new Date(time).toISOString().slice(0, 10);

/** Every day from the first that was recorded to the last; one without a record keeps what was. */
function trendDays() {
  const recorded = summary.trend || {};
  const known = Object.keys(recorded).filter((day) => !Number.isNaN(Date.parse(day))).sort();
  if (!known.length) return [];
  const days = [];
  const end = Date.parse(known[known.length - 1]);
  for (let time = Date.parse(known[0]); time <= end && days.length < 400; time += DAY) {
    const day = ISO_DAY(time);
    days.push({ day, isRecorded: Boolean(recorded[day]), counts: recorded[day] || days[days.length - 1].counts });
  }
  return days;
}

const trendStates = (days) => Object.keys(STATES).filter((state) => days.some(({ counts }) => counts[state]));

function drawTrend() {
  const days = trendDays();
  const states = trendStates(days);
  const section = byId("trend");
  section.hidden = !states.length;
  if (!states.length) return replace(section);
  const isOpen = section.querySelector("details")?.open;
  const [first, last] = [days[0], days[days.length - 1]];
  const period = days.length > 1 ? `${date(first.day)} to ${date(last.day)}` : date(last.day);
  replace(section, el("div.trend-head", {}, el("h2", {}, "Findings by state"), el("span.hint", {}, period)),
    el("div.trend-body", {}, days.length > 1 ? trendPicture(days, states) : el("p.hint", {}, "The chart begins with the second day that a sweep records."), trendLegend(days, states)),
    trendTable(days, states, isOpen));
}

/** The least of 1, 2, 5, 10, 20, … that is not below a number. */
function roundUp(value) {
  for (let unit = 1; ; unit *= 10) for (const step of [1, 2, 5]) if (value <= unit * step) return unit * step;
}

function trendPicture(days, states) {
  const [width, height] = [days.length * 10, 160];
  const total = ({ counts }) => states.reduce((sum, state) => sum + (counts[state] || 0), 0);
  const most = roundUp(days.reduce((highest, day) => Math.max(highest, total(day)), 1));
  const y = (count) => (height * (1 - count / most)).toFixed(2);
  const under = days.map(() => 0);
  const areas = states.map((state) => {
    const low = [...under];
    days.forEach(({ counts }, index) => (under[index] += counts[state] || 0));
    const there = under.map((count, index) => `L${index * 10} ${y(count)}L${index * 10 + 10} ${y(count)}`).join("");
    const back = low.map((count, index) => `L${index * 10 + 10} ${y(count)}L${index * 10} ${y(count)}`).reverse().join("");
    return svg(`path.fill-${STATES[state][1]}`, { d: `M0 ${y(low[0])}${there}${back}Z` });
  });
  const says = ({ day, counts }) => `${date(day)}: ${states.map((state) => `${stateName(state).toLowerCase()} ${number(counts[state] || 0)}`).join(", ")}`;
  const columns = days.map((day, index) => svg("rect.day", { x: index * 10, y: 0, width: 10, height }, svg("title", {}, says(day))));
  const lines = [0.5, 1].map((part) => svg("line.grid", { x1: 0, x2: width, y1: height * (1 - part) + 0.5, y2: height * (1 - part) + 0.5 }));
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `Findings by state. ${says(days[0])}. ${says(days[days.length - 1])}. The table below has every day.` }, areas, lines, columns);
  const half = most % 2 ? null : number(most / 2);
  return el("div.trend-picture", {}, el("div.trend-axis", { "aria-hidden": "true" }, el("span", {}, number(most)), el("span", {}, half), el("span", {}, "0")), picture,
    el("div.trend-days", { "aria-hidden": "true" }, el("span", {}, date(days[0].day)), el("span", {}, date(days[days.length - 1].day))));
}

function trendLegend(days, states) {
  const [first, last] = [days[0].counts, days[days.length - 1].counts];
  const change = (state) => {
    const by = (last[state] || 0) - (first[state] || 0);
    return days.length < 2 ? null : el("span.change", {}, by ? `${by > 0 ? "+" : "−"}${number(Math.abs(by))}` : "±0");
  };
  return el("ul.trend-legend", {}, states.map((state) => el("li", {}, el(`span.dot.fill-${STATES[state][1]}`), el("span", {}, stateName(state)), " ", el("b", {}, number(last[state] || 0)), " ", change(state))));
}

function trendTable(days, states, isOpen) {
  const row = ({ day, counts }) => el("tr", {}, el("th", { scope: "row" }, date(day)), states.map((state) => el("td", {}, number(counts[state] || 0))), el("td", {}, number(counts.new || 0)));
  const head = el("tr", {}, el("th", { scope: "col" }, "Day"), states.map((state) => el("th", { scope: "col" }, stateName(state))), el("th", { scope: "col" }, "New that day"));
  return el("details", { open: isOpen }, el("summary", {}, "Show as a table"),
    el("div.trend-table", { tabindex: "0", role: "group", "aria-label": "Findings by day and state" }, el("table", {}, el("caption", {}, "The days on which a sweep or somebody changed something; on the others it stayed as it was."), el("thead", {}, head), el("tbody", {}, days.filter((day) => day.isRecorded).reverse().map(row)))));
}
