"use strict";

// Reads the JSON of the page and draws its two charts; makes its tables sortable. Nothing is fetched.
const run = JSON.parse(document.getElementById("data").textContent);
const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const isNarrow = () => window.matchMedia("(max-width: 40rem)").matches;
const axisOf = (metric) => run.axes.find((axis) => axis.metric === metric);

function axisLayout(title, extra) {
  return {
    title: { text: title, standoff: 8 }, gridcolor: colour("line"), linecolor: colour("trial"),
    zeroline: false, ticks: "outside", tickcolor: colour("trial"), automargin: true, ...extra,
  };
}

function metricLayout(axis) {
  const extra = axis.is_log ? { type: "log", dtick: isNarrow() || axis.is_wide ? 1 : "D2" } : {};
  if (axis.is_count) extra.tickformat = "~s";
  return axisLayout(axis.title, extra);
}

function layout(xaxis, yaxis) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis, yaxis,
    font: { color: colour("text"), family: "system-ui, sans-serif", size: 13 },
    margin: { l: 8, r: 12, t: 30, b: 8 }, hovermode: "closest",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("trial"), activecolor: colour("accent") },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hoverlabel: {
      bgcolor: colour("panel"), bordercolor: colour("line"), align: "left",
      font: { color: colour("text"), size: 12 },
    },
  };
}

const chartOptions = {
  responsive: true, displaylogo: false, displayModeBar: isNarrow() ? false : "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  toImageButtonOptions: { scale: 3, filename: run.name },
};

function trace(name, indices, x, y, marker) {
  const pick = (values) => indices.map((i) => values[i]);
  return {
    type: "scatter", mode: "markers", name, marker,
    x: pick(run.trials.values[x]), y: pick(run.trials.values[y]),
    text: pick(run.trials.hover), customdata: pick(run.trials.number),
    hovertemplate: "%{text}<extra></extra>",
  };
}

function staircase(front, x, y) {
  const flips = axisOf(x).direction === "maximize" ? -1 : 1;
  const ordered = [...front].sort((a, b) => flips * (run.trials.values[x][a] - run.trials.values[x][b]));
  return {
    type: "scatter", mode: "lines", hoverinfo: "skip",
    x: ordered.map((i) => run.trials.values[x][i]), y: ordered.map((i) => run.trials.values[y][i]),
    line: { shape: "hv", color: colour("accent"), width: 1.5 }, showlegend: false,
  };
}

function frontMarker(front, x, y) {
  const marker = { size: 10, color: colour("accent"), line: { width: 1, color: colour("page") } };
  const third = run.objectives.find((metric) => metric !== x && metric !== y);
  if (run.objectives.length < 3 || third === undefined) return marker;
  const axis = axisOf(third);
  return {
    ...marker, color: front.map((i) => run.trials.values[third][i]), colorscale: "Viridis",
    colorbar: {
      title: { text: axis.title, side: "right" }, thickness: 12, outlinewidth: 0,
      ...(axis.is_count ? { tickformat: "~s" } : {}),
    },
  };
}

function drawFront() {
  const chart = document.getElementById("front-chart");
  if (!chart) return;
  const x = document.getElementById("front-x").value;
  const y = document.getElementById("front-y").value;
  const has = (i) => run.trials.values[x][i] !== null && run.trials.values[y][i] !== null;
  const group = (name) => run.trials.group.map((g, i) => (g === name ? i : -1))
    .filter((i) => i >= 0 && has(i));
  const front = [...group("front"), ...group("knee")];
  const faint = { size: 7, color: colour("trial"), opacity: 0.6 };
  const traces = [
    trace("stopped early", group("stopped"), x, y, { ...faint, opacity: 0.9, symbol: "x-thin-open" }),
    trace("trained in full", group("complete"), x, y, faint),
    trace("front", front, x, y, frontMarker(front, x, y)),
    trace("knee", group("knee"), x, y, {
      size: 15, symbol: "diamond", color: colour("knee"), line: { width: 1, color: colour("page") },
    }),
  ].filter((drawn) => drawn.x.length > 0);
  const pair = run.objectives.length === 2 && run.objectives.includes(x)
    && run.objectives.includes(y) && x !== y;
  if (pair) traces.splice(traces.length > 2 ? 2 : 0, 0, staircase(front, x, y));
  Plotly.react(chart, traces, layout(metricLayout(axisOf(x)), metricLayout(axisOf(y))), chartOptions);
}

function drawGrowth() {
  const chart = document.getElementById("growth-chart");
  if (!chart) return;
  const line = {
    type: "scatter", mode: "lines", x: [0, ...run.growth.num_trials], y: [0, ...run.growth.shares],
    line: { shape: "hv", color: colour("accent"), width: 2 },
    hovertemplate: "%{x} trials: %{y:.4f}<extra></extra>",
  };
  const few = run.growth.num_trials.length < 10 ? { dtick: 1 } : {};
  const area = layout(axisLayout("trials that ended", { rangemode: "tozero", ...few }),
    axisLayout("hypervolume (share of the front)", { rangemode: "tozero" }));
  Plotly.react(chart, [line], area, chartOptions);
}

function drawCurves() {
  const chart = document.getElementById("curves-chart");
  if (!chart) return;
  const groups = { front: ["accent", 2, 1], complete: ["trial", 1, 0.8], stopped: ["trial", 1, 0.4] };
  const lines = Object.entries(groups).map(([group, [name, width, opacity]]) => {
    const own = run.curves.trials.filter((trial) => trial.group === group);
    return {
      type: "scatter", mode: "lines+markers", name: group, opacity,
      x: own.flatMap((trial) => [...trial.share, null]), y: own.flatMap((trial) => [...trial.value, null]),
      customdata: own.flatMap((trial) => [...trial.share, null].map(() => trial.number)),
      line: { color: colour(name), width }, marker: { size: 4 },
      hovertemplate: "trial %{customdata} at %{x:.0%}: %{y:.4g}<extra></extra>",
    };
  }).reverse();  // the front on top
  const area = layout(axisLayout("share of a full training", { rangemode: "tozero", tickformat: ".0%" }),
    axisLayout(run.curves.title));
  Plotly.react(chart, lines, { ...area, showlegend: true }, chartOptions);
}

function showRow(number) {
  const row = document.getElementById(`front-${number}`) || document.getElementById(`trial-${number}`);
  if (!row) return;
  document.querySelectorAll("tr.hit").forEach((other) => other.classList.remove("hit"));
  const details = row.closest("details");
  if (details) details.open = true;
  row.classList.add("hit");
  row.scrollIntoView({ block: "center", behavior: "smooth" });
}

function sortBy(header) {
  const table = header.closest("table");
  const column = [...header.parentNode.children].indexOf(header);
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const keyOf = (row) => row.children[column].dataset.value ?? row.children[column].textContent;
  const compare = (a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    if (left === "" || right === "") return (left === "") - (right === ""); // absent ones last
    const byNumber = Number(left) - Number(right);
    return direction * (Number.isNaN(byNumber) ? left.localeCompare(right) : byNumber);
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(compare));
  header.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
}

document.querySelectorAll("th button").forEach((button) =>
  button.addEventListener("click", () => sortBy(button.closest("th"))));
document.querySelectorAll("#front-x, #front-y").forEach((choice) =>
  choice.addEventListener("change", drawFront));
const drawAll = () => { drawFront(); drawGrowth(); drawCurves(); };
drawAll();
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
window.matchMedia("(max-width: 40rem)").addEventListener("change", drawAll);
const frontChart = document.getElementById("front-chart");
if (frontChart) frontChart.on("plotly_click", (event) => showRow(event.points[0].customdata));
