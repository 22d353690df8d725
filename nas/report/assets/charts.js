// The charts of the page, drawn by Plotly. Nothing is fetched.
const FAINT_LINE = { dash: "dash", width: 1 };

function axisLayout(title, extra) {
  return {
    title: { text: escaped(title), standoff: 8 }, gridcolor: colour("line"), linecolor: colour("trial"),
    zeroline: false, ticks: "outside", tickcolor: colour("trial"), automargin: true, ...extra,
  };
}

function ticksOf(axis, low, high) {
  const places = roundPlaces(low, high, axis.is_log, axis.is_wide || isNarrow());
  return { tickvals: places, ticktext: places.map((place) => withPrefix(place, axis.unit, 4)) };
}

function metricLayout(axis) {
  const extra = axis.is_log ? { type: "log" } : {};
  if (axis.range) {
    extra.range = axis.is_log ? axis.range.map(Math.log10) : axis.range;
    if (axis.is_count) Object.assign(extra, ticksOf(axis, ...axis.range));
  }
  if (axis.is_log && !axis.is_count) extra.dtick = isNarrow() || axis.is_wide ? 1 : "D2";
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

const chartOptions = () => ({
  responsive: true, displaylogo: false, displayModeBar: isNarrow() ? false : "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  toImageButtonOptions: { scale: 3, filename: run.name },
});

function trace(name, indices, x, y, marker) {
  const pick = (values) => indices.map((i) => values[i]);
  const [across, upwards] = [axisOf(x), axisOf(y)];
  const words = (i) => `<b>trial ${run.trials.number[i]}</b><br>${escaped(upwards.heading)}: `
    + `${formatValue(upwards, run.trials.values[y][i])}<br>${escaped(across.heading)}: `
    + formatValue(across, run.trials.values[x][i]);
  return {
    type: "scatter", mode: "markers", name, marker,
    x: pick(run.trials.values[x]), y: pick(run.trials.values[y]),
    text: indices.map(words), customdata: pick(run.trials.number),
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
    ...marker, color: front.map((i) => run.trials.values[third][i]), colorscale: colour("scale-low") ? [[0, colour("scale-low")], [0.5, colour("scale-mid")], [1, colour("scale-high")]] : "Viridis",
    colorbar: {
      title: { text: escaped(axis.title), side: "right" }, thickness: 12, outlinewidth: 0,
      ...(axis.is_count ? { tickformat: "~s", ticksuffix: axis.unit } : {}),
    },
  };
}

// The end of a line across at which its name hides fewer trials.
function freeEnd(x, y, level) {
  const [across, up] = [axisOf(x), axisOf(y)];
  const ends = { right: { xref: "paper", x: 1, xanchor: "right" }, left: { xref: "paper", x: 0, xanchor: "left" } };
  if (!across.range || !up.range) return ends.right;
  const scale = (axis, value) => (axis.is_log ? Math.log10(value) : value);
  const share = (axis, value) => {
    const [low, high] = [scale(axis, axis.range[0]), scale(axis, axis.range[1])];
    return (scale(axis, value) - low) / (high - low || 1);
  };
  const trials = run.trials.values[x].map((value, i) => [value, run.trials.values[y][i]])
    .filter(([value, height]) => value !== null && height !== null)
    .map(([value, height]) => [share(across, value), share(up, height) - share(up, level)])
    .sort((one, other) => one[0] - other[0]);
  let highest = -Infinity; // steps of a front go up through the line at the size of a member
  const inTheWay = trials.filter(([, above]) => {
    const goesThrough = highest < 0.06 && above > 0;
    highest = Math.max(highest, above);
    return goesThrough || (above > -0.03 && above < 0.09);
  });
  const count = (isThere) => inTheWay.filter(([place]) => isThere(place)).length;
  return count((place) => place > 0.65) > count((place) => place < 0.35) ? ends.left : ends.right;
}

// Hand-made networks are points; trivial models are lines across, where the axis shows accuracy.
function references(x, y) {
  const points = run.references.filter((r) => r.kind !== "trivial" && x in r.values && y in r.values);
  const lines = run.references.filter((r) => r.kind === "trivial" && y in r.values && y === "accuracy");
  return {
    trace: {
      type: "scatter", mode: "markers+text", name: "hand-made network", textposition: "bottom left",
      x: points.map((r) => r.values[x]), y: points.map((r) => r.values[y]),
      text: points.map((r) => escaped(r.name)), hoverinfo: "x+y+text",
      marker: { size: 9, symbol: "square", color: colour("reference") },
    },
    shapes: lines.map((r) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: r.values[y], y1: r.values[y],
      line: { ...FAINT_LINE, color: colour("reference") },
    })),
    annotations: lines.map((r) => ({
      ...freeEnd(x, y, r.values[y]), y: r.values[y], yanchor: "bottom", showarrow: false,
      text: escaped(r.name), font: { size: 11, color: colour("reference") },
    })),
    values: [...points, ...lines].map((r) => r.values[y]),
  };
}

function tellOutside(traces, x, y) {
  const isOut = (axis, value) => axis.range && (value < axis.range[0] || value > axis.range[1]);
  const number = traces.filter((drawn) => drawn.customdata).reduce((sum, drawn) =>
    sum + drawn.x.filter((value, i) => isOut(axisOf(x), value) || isOut(axisOf(y), drawn.y[i])).length, 0);
  document.getElementById("outside").textContent = number
    ? `${number} ${number === 1 ? "trial lies" : "trials lie"} outside of the picture; a double click shows all.` : "";
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
  const known = references(x, y);
  const traces = [
    trace("stopped early", group("stopped"), x, y, { ...faint, opacity: 0.9, symbol: "x-thin-open" }),
    trace("other trials", group("complete"), x, y, faint),
    trace("front", front, x, y, frontMarker(front, x, y)),
    trace("knee", group("knee"), x, y, {
      size: 15, symbol: "diamond", color: colour("knee"), line: { width: 1, color: colour("page") },
    }),
    known.trace,
  ].filter((drawn) => drawn.x.length > 0);
  tellOutside(traces, x, y);
  const pair = run.objectives.length === 2 && run.objectives.includes(x)
    && run.objectives.includes(y) && x !== y;
  const place = traces.findIndex((drawn) => drawn.name === "front");
  if (pair && place >= 0) traces.splice(place, 0, staircase(front, x, y));
  const area = layout(withRoom(metricLayout(axisOf(x)), axisOf(x), known.trace.x),
    withRoom(metricLayout(axisOf(y)), axisOf(y), known.values));
  Plotly.react(chart, traces,
    { ...area, shapes: known.shapes, annotations: known.annotations }, chartOptions());
}

// Makes room for what the search is compared with.
function withRoom(drawn, axis, values) {
  if (!axis.range || !values.length) return drawn;
  const places = axis.is_log ? values.filter((value) => value > 0).map(Math.log10) : values;
  const [low, high] = [Math.min(...places, drawn.range[0]), Math.max(...places, drawn.range[1])];
  // The room around the trials was a share of their own spread, which may be a small part now.
  const room = low < drawn.range[0] || high > drawn.range[1] ? 0.05 * (high - low) : 0;
  const range = [low - room, high + room];
  const ends = axis.is_log ? range.map((end) => 10 ** end) : range;
  return { ...drawn, range, ...(axis.is_count ? ticksOf(axis, ...ends) : {}) };
}

// Names the ticks of counts again when a reader zooms: 50 kB, 1 MB.
function renameTicks(chart, event) {
  if (!Object.keys(event).some((key) => /axis\.(range|autorange)/.test(key))) return;
  const changes = {};
  for (const name of ["x", "y"]) {
    const axis = axisOf(document.getElementById(`front-${name}`).value);
    const range = chart.layout[`${name}axis`].range;
    if (!axis.is_count || !range) continue;
    const ticks = ticksOf(axis, ...(axis.is_log ? range.map((end) => 10 ** end) : range));
    changes[`${name}axis.tickvals`] = ticks.tickvals;
    changes[`${name}axis.ticktext`] = ticks.ticktext;
  }
  if (Object.keys(changes).length) Plotly.relayout(chart, changes);
}

function drawFinish() {
  const chart = document.getElementById("finish-chart");
  if (!chart || !run.finish) return;
  const sizes = [...run.finish.winners, ...run.finish.files].map((row) => row.size);
  const axis = {
    title: "size", unit: "B", is_count: true, is_log: true, is_wide: false,
    range: [Math.min(...sizes) / 1.25, Math.max(...sizes) * 1.25],
  };
  const points = (rows, key, more) => ({
    type: "scatter", mode: "markers", x: rows.map((row) => row.size), y: rows.map((row) => row[key]),
    text: rows.map((row) => `<b>${escaped(row.name)}</b>${row.format ? `, ${escaped(row.format)}` : ""}`
      + `<br>${withPrefix(row.size, "B", 3)}`),
    hovertemplate: "%{text}<br>%{y:.4~g}<extra></extra>", ...more,
  });
  const bars = (rows) => ({
    error_y: {
      type: "data", symmetric: false, thickness: 1.4, width: 4,
      array: rows.map((row) => (row.high === null ? 0 : row.high - row.mean)),
      arrayminus: rows.map((row) => (row.low === null ? 0 : row.mean - row.low)),
    },
  });
  const winners = run.finish.winners.filter((row) => !row.is_baseline);
  const baselines = run.finish.winners.filter((row) => row.is_baseline);
  const searched = winners.filter((row) => row.search !== null);
  const formats = [...new Set(run.finish.files.map((row) => row.format))];
  const palette = ["reference", "file-b", "file-c", "file-d", "file-e"];
  const traces = [
    ...formats.map((format, i) => {
      const own = run.finish.files.filter((row) => row.format === format);
      return points(own, "value", {
        name: `${format} file`, marker: {
          size: own.map((row) => (row.is_front ? 9 : 6)), symbol: ["square", "triangle-up", "diamond", "x", "star"][i % 5],
          color: colour(palette[i % palette.length]), opacity: 0.85,
        },
      });
    }),
    points(searched, "search", {
      name: "as the search saw it (validation)",
      marker: { size: 9, symbol: "circle-open", color: colour("trial"), line: { width: 1.5 } },
    }),
    points(winners, "mean", { name: "winner, test", marker: { size: 10, color: colour("accent") }, ...bars(winners) }),
    points(baselines, "mean", {
      name: "baseline, test", marker: { size: 10, symbol: "cross", color: colour("knee") }, ...bars(baselines),
    }),
  ].filter((drawn) => drawn.x.length > 0);
  const area = layout(metricLayout(axis), axisLayout(run.finish.title));
  area.margin.t = 58;  // the legend is long, and stands below the tools
  Plotly.react(chart, traces, area, chartOptions());
}

function drawGrowth() {
  const chart = document.getElementById("growth-chart");
  if (!chart) return;
  const line = {
    type: "scatter", mode: "lines", x: [0, ...run.growth.num_trials], y: [0, ...run.growth.shares],
    line: { shape: "hv", color: colour("accent"), width: 2 },
    hovertemplate: "%{x} trials: %{y:.4f}<extra></extra>",
  };
  const few = run.growth.num_trials.at(-1) < 10 ? { dtick: 1 } : {};
  const area = layout(axisLayout("trials that ended", { rangemode: "tozero", ...few }),
    axisLayout("hypervolume (share of the front)", { rangemode: "tozero" }));
  Plotly.react(chart, [line], area, chartOptions());
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
  Plotly.react(chart, lines, { ...area, showlegend: true }, chartOptions());
}

function drawSlots() {
  const chart = document.getElementById("slots-chart");
  if (!chart) return;
  const { number, slot, start, end, state } = run.timeline;
  const last = Math.max(...end);
  const [unit, size] = last > 7200 ? ["h", 3600] : last > 240 ? ["min", 60] : ["s", 1];
  const width = Math.max(2, Math.min(18, 140 / Math.max(...slot)));
  const groups = { complete: "accent", stopped: "trial", failed: "bad" };
  const lines = Object.entries(groups).map(([group, name]) => {
    const own = state.map((told, i) => (told === group ? i : -1)).filter((i) => i >= 0);
    const gap = own.length > 2000 ? 0 : 0.0015 * last;  // so that one bar ends before the next
    return {
      type: "scatter", mode: "lines", name: group, line: { color: colour(name), width }, opacity: 0.85,
      x: own.flatMap((i) => [start[i] / size, Math.max(start[i], end[i] - gap) / size, null]),
      y: own.flatMap((i) => [slot[i], slot[i], null]),
      customdata: own.flatMap((i) => [number[i], number[i], null]),
      hovertemplate: `trial %{customdata}, slot %{y}: %{x:.2~f} ${unit}<extra></extra>`,
    };
  }).filter((drawn) => drawn.x.length);
  const area = layout(axisLayout(`time since the first trial (${unit})`, { rangemode: "tozero" }),
    axisLayout("slot", { range: [Math.max(...slot) + 0.6, 0.4], ...(Math.max(...slot) < 10 ? { dtick: 1 } : {}) }));
  Plotly.react(chart, lines, { ...area, showlegend: true }, chartOptions());
}
