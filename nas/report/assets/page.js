// Makes the tables sort, joins charts, card and rows, and draws everything.
function markRow(number) {
  const row = document.getElementById(`front-${number}`) || document.getElementById(`trial-${number}`);
  if (!row) return;
  document.querySelectorAll("tr.hit").forEach((other) => other.classList.remove("hit"));
  row.classList.add("hit");
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

// On a narrow screen each row is a card whose cells carry the heading of their column.
function nameCells() {
  const sheet = new CSSStyleSheet();
  document.querySelectorAll(".scroll table").forEach((table, i) => {
    table.id = `table-${i}`;
    table.querySelectorAll("thead th").forEach((head, column) => {
      const words = JSON.stringify(head.textContent.trim());
      sheet.insertRule(`#table-${i} td:nth-child(${column + 1}) { --heading: ${words}; }`);
    });
  });
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

// A chart is drawn when it comes into view, so that a long page opens at once.
const DRAWN = {
  "front-chart": drawFront, "finish-chart": drawFinish, "growth-chart": drawGrowth,
  "curves-chart": drawCurves, "slots-chart": drawSlots,
};
const isDrawn = new Set();
const watcher = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
  if (!isIntersecting) return;
  watcher.unobserve(target);
  drawOne(target.id);
}), { rootMargin: "300px" });

function drawOne(id) {
  isDrawn.add(id);
  DRAWN[id]();
}

const redraw = () => isDrawn.forEach((id) => DRAWN[id]());

nameCells();
document.querySelectorAll("th button").forEach((button) =>
  button.addEventListener("click", () => sortBy(button.closest("th"))));
document.querySelectorAll("#front-x, #front-y").forEach((choice) =>
  choice.addEventListener("change", drawFront));
document.querySelectorAll('tr[id^="front-"] a[href="#card"]').forEach((link) =>
  link.addEventListener("click", () => pin(Number(link.closest("tr").id.slice("front-".length)))));
drawOne("front-chart");
pinFirst();
document.querySelectorAll(".chart").forEach((chart) => chart.id !== "front-chart" && watcher.observe(chart));
window.addEventListener("beforeprint", () => document.querySelectorAll(".chart").forEach((chart) => drawOne(chart.id)));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.matchMedia("(max-width: 40rem)").addEventListener("change", redraw);
const frontChart = document.getElementById("front-chart");
if (frontChart) {
  frontChart.on("plotly_click", ({ points: [point] }) => {
    if (!placeOf.has(point.customdata)) return;
    pin(point.customdata);
    markRow(point.customdata);
  });
  frontChart.on("plotly_hover", ({ points: [point] }) => showCard(point.customdata));
  frontChart.on("plotly_unhover", () => showCard(pinned));
  frontChart.on("plotly_relayout", (event) => renameTicks(frontChart, event));
}
