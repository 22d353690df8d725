"use strict";

// How numbers and colours of the page read; the words are those of nas/report/values.py.
const run = JSON.parse(document.getElementById("data").textContent);
const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const isNarrow = () => window.matchMedia("(max-width: 40rem)").matches;
const axisOf = (metric) => run.axes.find((axis) => axis.metric === metric);
const placeOf = new Map(run.trials.number.map((number, place) => [number, place]));

function plain(number, digits) {
  return String(Number(number.toPrecision(digits)));
}

function withPrefix(value, unit, digits) {
  const prefixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const found = prefixes.find(([factor]) => Math.abs(value) >= factor * 0.9995) || [1, ""];
  const word = `${found[1]}${unit}`;
  return `${plain(value / found[0], digits)}${word ? " " : ""}${word}`;
}

function formatValue(axis, value) {
  if (value === null || value === undefined) return "–";
  if (axis.is_count) return withPrefix(value, axis.unit, 3);
  const text = axis.unit === "%" ? value.toFixed(2) : plain(value, 3);
  return axis.unit ? `${text} ${axis.unit}` : text;
}

// Plotly reads a little HTML in its texts, and formulas between dollars.
const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
  .replace(/>/g, "&gt;").replace(/\$/g, "&#36;");

// Round places between two ends: 1, 2, 5 times powers of ten on a log axis, even steps on another.
function roundPlaces(low, high, isLog, isSparse) {
  const places = [];
  if (isLog) {
    const steps = isSparse ? [1] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      places.push(...steps.map((step) => step * 10 ** power));
    }
    const inside = places.filter((place) => place >= low && place <= high);
    return inside.length >= 2 || !isSparse ? inside : roundPlaces(low, high, true, false);
  }
  const raw = (high - low) / (isNarrow() ? 4 : 7);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw) || 10);
  for (let place = Math.ceil(low / step) * step; place <= high; place += step) places.push(place);
  return places;
}
