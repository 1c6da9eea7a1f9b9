// Small tools for the page: elements are built, never written as markup, and text from a repository stays text.

const byId = (id) => document.getElementById(id);

/** Signs that turn text around would let a file name lie. */
const clean = (text) => String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

/** An element: `el("button.tool.wide", { type: "button", onclick }, "text", child)`. */
function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElement(tag), classes, attributes, children);
}

function svg(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), classes, attributes, children);
}

function fill(node, classes, attributes, children) {
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : clean(child));
  }
}

function replace(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

const number = (value) => value.toLocaleString("en");
const counted = (count, noun, many = noun + "s") => `${number(count)} ${count === 1 ? noun : many}`;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const percent = (confidence) => Math.min(99, Math.floor(confidence * 100));

function bytes(count) {
  for (const [unit, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) if (count >= unit) return `${(count / unit).toFixed(1)} ${name}`;
  return counted(count, "byte");
}

function seconds(count) {
  if (count < 1) return "under a second";
  return count < 60 ? counted(count, "second") : `${number(Math.floor(count / 60))} min ${count % 60} s`;
}

const date = (time) => new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** A span of time in its largest unit. */
function span(milliseconds) {
  const days = Math.max(0, Math.floor(milliseconds / DAY));
  if (days < 1) return "less than a day";
  if (days < 60) return counted(days, "day");
  if (days < 730) return counted(Math.floor(days / 30.44), "month");
  return counted(Math.floor(days / 365.25), "year");
}

function short(milliseconds) {
  const days = Math.max(0, Math.floor(milliseconds / DAY));
  if (days < 1) return "today";
  if (days < 60) return `${days} d`;
  if (days < 730) return `${Math.floor(days / 30.44)} mo`;
  return `${Math.floor(days / 365.25)} y`;
}

function say(text) {
  byId("live").textContent = "";
  setTimeout(() => (byId("live").textContent = text), 30);
}

async function copy(text, what) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = el("textarea", { "aria-hidden": "true", class: "visually-hidden" });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
  say(done ? `Copied ${what}` : "The browser does not let this page copy");
  return done;
}

function copyButton(text, what, label = "Copy") {
  const button = el("button.copy", { type: "button", "aria-label": `Copy ${what}` }, label);
  button.addEventListener("click", async () => {
    if (!(await copy(text, what))) return;
    button.classList.add("done");
    button.textContent = "Copied";
    setTimeout(() => {
      button.classList.remove("done");
      button.textContent = label;
    }, 1400);
  });
  return button;
}

/** A link outside, for what a person clicks; nothing is fetched by itself. */
function link(url, text = url) {
  return /^https:\/\//.test(url) ? el("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text) : text;
}
