// What a page must keep to so that everyone can use it; gives a list of what it does not.
(() => {
  const problems = [];
  const say = (rule, node) => problems.push(`${rule}: ${node.outerHTML.slice(0, 160)}`);
  const isShown = (node) => node.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(isShown);
  const named = (node) => {
    const by = (node.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent).join("");
    return (node.getAttribute("aria-label") || by || [...(node.labels || [])].map((label) => label.textContent).join("") || node.textContent || node.title || "").trim();
  };

  if (!document.documentElement.lang) problems.push("the page has no language");
  if (!document.title) problems.push("the page has no title");
  for (const [selector, most] of [["main", 1], ["h1", 1], ["header", 1], ["footer", 1]]) if (all(selector).length !== most) problems.push(`${selector}: ${all(selector).length}`);
  for (const node of all("button, input, select, a[href], summary, dialog[open], nav, section[aria-label], [role=group], [role=search]")) if (!named(node) && node.getAttribute("role") !== "search") say("no name", node);
  for (const node of all("svg")) if (node.getAttribute("aria-hidden") !== "true" && !named(node)) say("a picture without words", node);

  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`id twice: ${id}`);
  for (const name of ["aria-controls", "aria-labelledby", "aria-describedby", "for"]) {
    for (const node of document.querySelectorAll(`[${name}]`)) for (const id of node.getAttribute(name).split(" ")) if (!document.getElementById(id)) say(`${name} names nothing`, node);
  }
  for (const node of all("[role=button], [onclick]")) if (!["BUTTON", "A"].includes(node.tagName)) say("clickable but no button", node);
  for (const node of document.querySelectorAll("[tabindex]")) if (Number(node.getAttribute("tabindex")) > 0) say("own tab order", node);
  for (const node of all("[aria-expanded]")) if (node.getAttribute("aria-expanded") === "true" !== isShown(document.getElementById(node.getAttribute("aria-controls")))) say("expanded or not", node);
  for (const node of all("li")) if (!["UL", "OL"].includes(node.parentElement.tagName)) say("an item outside of a list", node);

  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    if (!isShown(heading)) continue;
    const next = Number(heading.tagName[1]);
    if (next > level + 1) say(`a heading of level ${next} after ${level}`, heading);
    level = next;
  }

  // Contrast, WCAG 2.1 AA: 4.5, and 3 for large text.
  const parse = (text) => {
    const numbers = text.match(/-?[\d.]+(?:e-?\d+)?/g).map(Number);
    const [r, g, b, a = 1] = numbers;
    return text.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  let texts = 0;
  const walker = document.createTreeWalker(document.querySelector("dialog[open]") || document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.textContent.trim() || !isShown(node) || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.tagName) || node.matches(":disabled, .visually-hidden, .skip")) continue;
    texts += 1;
    const style = getComputedStyle(node);
    const back = ground(node);
    const front = over(parse(node instanceof SVGElement ? style.fill : style.color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, node);
  }
  if (texts < 10) problems.push(`only ${texts} texts were looked at`);

  // Nothing reaches over the edge.
  if (document.documentElement.scrollWidth > window.innerWidth) problems.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${window.innerWidth}`);
  return problems;
})();
