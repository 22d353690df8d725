// The card of a trial: its values and a drawing of its network, made of its parameters alone.
const SVG = "http://www.w3.org/2000/svg";
const COPIES = ["depth", "num_blocks", "num_layers", "repeats"];  // drawn as a pile of sheets
let pinned = null;

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function draw(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

const told = (value) => (value === true ? "yes" : value === false ? "no" : String(value));

const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Returns which value of a parameter a trial has; -1 for none.
function codeOf(column, place) {
  return typeof column.codes === "string" ? LETTERS.indexOf(column.codes[place]) : column.codes[place];
}

// Returns what stands once, and the blocks of each repeated group in order.
function partsOf(place) {
  const single = [];
  const groups = new Map();
  for (const [name, column] of Object.entries(run.trials.parameters)) {
    const code = codeOf(column, place);
    if (code < 0) continue;
    const words = name.split(".");
    const last = words.findLastIndex((word) => /^\d+$/.test(word));
    const entry = { value: column.values[code], code, count: column.values.length };
    if (last < 0) {
      single.push({ name, ...entry });
      continue;
    }
    const group = words.slice(0, last).filter((word) => !/^\d+$/.test(word)).join(".");
    const block = words.slice(0, last + 1).filter((word) => /^\d+$/.test(word)).map(Number);
    const key = block.join(".");
    if (!groups.has(group)) groups.set(group, new Map());
    if (!groups.get(group).has(key)) groups.get(group).set(key, { block, items: [] });
    groups.get(group).get(key).items.push({ name: words.slice(last + 1).join(".") || "value", ...entry });
  }
  const inOrder = (a, b) => {
    const i = a.block.findIndex((number, index) => number !== b.block[index]);
    return i < 0 ? 0 : a.block[i] - (b.block[i] ?? -1);
  };
  return { single, groups: [...groups].map(([name, blocks]) => [name, [...blocks.values()].sort(inOrder)]) };
}

// Of its numbers, how large they are among those of the run, from 0 to 1.
function largeness(items) {
  const numbers = items.filter((item) => typeof item.value === "number" && item.count > 1);
  if (!numbers.length) return 0.5;
  return numbers.reduce((sum, item) => sum + item.code / (item.count - 1), 0) / numbers.length;
}

function drawing(groups) {
  const line = 15;
  const [rowGap, gap, top] = [26, 12, 20];
  const rows = groups.map(([name, blocks]) => {
    const texts = blocks.map(({ items }) => items.map((item) => `${item.name} ${told(item.value)}`));
    const width = Math.max(58, 16 + 7.1 * Math.max(...texts.flat().map((text) => text.length)));
    const lines = Math.max(...texts.map((text) => text.length));
    return { name, blocks, texts, width, least: lines * line + 12 };
  });
  const limit = Math.max(260, Math.min(1060, document.getElementById("card").clientWidth - 28));
  const svg = document.createElementNS(SVG, "svg");
  let y = 0;
  let widest = 0;
  for (const row of rows) {
    const step = row.width + gap + 8;
    const perLine = Math.max(1, Math.floor(limit / step));
    draw(svg, "text", { x: 0, y: y + 12, class: "group" }, row.name);
    y += top;
    for (let first = 0; first < row.blocks.length; first += perLine) {
      const tallest = row.least + 44;
      row.blocks.slice(first, first + perLine).forEach(({ block, items }, i) => {
        drawBlock(svg, { x: i * step, y, tallest, row, items, texts: row.texts[first + i], block, line });
        widest = Math.max(widest, (i + 1) * step);
      });
      y += tallest + rowGap;
    }
  }
  svg.setAttribute("viewBox", `0 0 ${widest} ${y}`);
  svg.setAttribute("width", widest);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Drawing of the network: one box for each stage; the table has the same words");
  return svg;
}

function drawBlock(svg, { x, y, tallest, row, items, texts, block, line }) {
  const height = row.least + 36 * largeness(items);
  const head = y + (tallest - height) / 2;
  const pile = items.find((item) => COPIES.includes(item.name) && typeof item.value === "number");
  const copies = pile ? Math.min(4, Math.max(1, pile.value)) : 1;
  for (let sheet = copies - 1; sheet >= 0; sheet -= 1) {
    draw(svg, "rect", { x: x + 3 * sheet, y: head - 3 * sheet, width: row.width, height, rx: 5, class: "block" });
  }
  const first = head + (height - texts.length * line) / 2 + 11;
  texts.forEach((text, i) => draw(svg, "text", { x: x + 7, y: first + i * line }, text));
  draw(svg, "text", { x: x + 2, y: head + height + 12, class: "place" }, block.join("."));
}

function showCard(number) {
  const card = document.getElementById("card");
  const place = placeOf.get(number);
  if (!card || place === undefined || card.dataset.trial === String(number)) return;
  card.dataset.trial = String(number);
  const budget = run.trials.budget[number];
  const group = run.trials.group[place];
  const state = group === "stopped" ? `stopped at ${Math.round(100 * budget)} % of the training`
    : { knee: "the knee of the front", front: "on the front", complete: "complete" }[group];
  const values = make("dl", undefined, { class: "values" });
  for (const axis of run.axes) {
    const value = run.trials.values[axis.metric][place];
    if (value === null) continue;
    const pair = make("div");
    pair.append(make("dt", axis.heading), make("dd", formatValue(axis, value)));
    values.append(pair);
  }
  const { single, groups } = partsOf(place);
  const words = make("p", single.map((item) => `${item.name} ${told(item.value)}`).join("  ·  "));
  const title = make("h3", `Trial ${number}`);
  title.append(make("span", ` ${run.trials.origin[number] || ""}${state}`, { class: "faint" }));
  card.replaceChildren(title, values, words);
  if (groups.length) card.append(drawing(groups));
  const weights = run.weights[number];
  if (weights) {
    const link = make("p");
    link.append(make("a", "weights", { href: weights }));
    card.append(link);
  }
}

function pin(number) {
  pinned = number;
  showCard(number);
}

function pinFirst() {
  const knee = run.trials.group.findIndex((group) => group === "knee");
  const first = knee >= 0 ? knee : run.trials.group.findIndex((group) => group === "front");
  if (first >= 0 || run.trials.number.length) pin(run.trials.number[Math.max(0, first)]);
}
