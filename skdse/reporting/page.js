"use strict";

// Charts and the sorting of the table. Numbers and names come from the element "data";
// names are the users', so that they go into texts, never into HTML.
(() => {
const find = (id) => document.getElementById(id);
const DATA = JSON.parse(find("data").textContent);
const NONCE = document.currentScript.nonce;
const TOUCH = matchMedia("(pointer: coarse)").matches;
const DARK = matchMedia("(prefers-color-scheme: dark)");
const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89",
  "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const ERRORS = { thickness: 1, width: 3 };

const state = { run: 0, x: DATA.plane[0], y: DATA.plane[1], hidden: new Set() };
const layers = [...new Set([...DATA.grids.flatMap((grid) => grid.layers),
  ...DATA.spectra.map((one) => one.layer)])];

// Texts
// -----

// plotly takes a few tags in texts, and looks for formulas.
const plain = (text) => String(text).replace(/[&<>$]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function short(text, most) {
  const half = Math.floor((most - 1) / 2);
  return text.length <= most ? text : `${text.slice(0, half)}…${text.slice(-half)}`;
}

// Names without what all of them begin or end with, where they are too long.
function shortNames(names, most) {
  if (names.length < 2 || names.every((name) => name.length <= most)) {
    return names.map((name) => short(name, most));
  }
  const shared = (at) => {
    let n = 0;
    while (n < names[0].length && names.every((name) => at(name, n) === at(names[0], n))) n += 1;
    return n;
  };
  const start = shared((name, n) => name[n]);
  const end = Math.min(shared((name, n) => name[name.length - 1 - n]),
    Math.min(...names.map((name) => name.length)) - start);
  const cut = (name) => (start > 3 ? "…" : name.slice(0, start))
    + name.slice(start, name.length - end) + (end > 3 ? "…" : name.slice(name.length - end));
  return names.map((name) => short(cut(name), most));
}

function decimal(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 0.001 || size >= 1e5 ? value.toExponential(2)
    : size < 10 ? value.toFixed(3) : value.toPrecision(5);
}

function valueText(key, value, error) {
  const { title, unit } = DATA.measures[key];
  if (value === null) return `${plain(title)}: no value`;
  const spread = error === null ? "" : ` ± ${error === 0 ? 0 : Number(error.toPrecision(2))}`;
  return `${plain(title)} ${decimal(value)}${spread}${unit ? ` ${plain(unit)}` : ""}`;
}

function axisTitle(key) {
  const { title, unit } = DATA.measures[key];
  return plain(short(title, 40)) + (unit ? ` [${plain(unit)}]` : "");
}

// Layer, epoch and values of a cell, for the tooltip.
function cellText(grid, i, j, keys) {
  const when = grid.epochs ? `, epoch ${grid.epochs[j]}` : "";
  const lines = [`<b>${plain(short(grid.layers[i], 60))}</b>${when}`];
  for (const key of new Set([...keys, ...DATA.network])) {
    const value = grid.values[key][i][j];
    if (value === null && DATA.network.includes(key)) continue;
    lines.push(valueText(key, value, grid.errors[key][i][j]));
  }
  return lines.join("<br>");
}

// Colours and layout
// ------------------

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A colour of viridis, without the end that is lost on the background.
function viridis(share) {
  const [from, to] = DARK.matches ? [0.3, 1] : [0, 0.85];
  const at = (from + share * (to - from)) * (VIRIDIS.length - 1);
  const k = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [a, b] = [parts(VIRIDIS[k]), parts(VIRIDIS[k + 1])];
  return a.map((value, i) => Math.round(value + (at - k) * (b[i] - value)));
}

// Layers have colours by their depth.
function colorOf(layer, opacity = 1) {
  const rgb = viridis(layers.length > 1 ? layers.indexOf(layer) / (layers.length - 1) : 0.4);
  return `rgba(${rgb.join(",")},${opacity})`;
}

function axis(title, more = {}) {
  return { title: { text: title, standoff: 6 }, gridcolor: css("--line"),
    linecolor: css("--line"), zeroline: false, automargin: true, fixedrange: TOUCH, ...more };
}

function show(node, traces, layout, height) {
  node.style.height = `${height}px`;
  const text = css("--text");
  const isEmpty = !traces.some((one) => (one.z ? one.z.flat() : one.x)
    .some((value, i) => value !== null && (one.z || one.y[i] !== null)));
  return Plotly.react(node, traces, {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: text },
    margin: { l: 8, r: 8, t: 8, b: 8 },
    hoverlabel: { align: "left", bgcolor: css("--card"), bordercolor: css("--quiet"),
      font: { color: text, size: 12 } },
    hovermode: "closest",
    dragmode: TOUCH ? false : "zoom",
    showlegend: false,
    annotations: isEmpty ? [{ text: "no values", showarrow: false, xref: "paper", yref: "paper",
      x: 0.5, y: 0.5 }] : [],
    ...layout,
  }, { displaylogo: false, responsive: true, displayModeBar: TOUCH ? false : "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"] });
}

// Ticks at places 0, 1, ..., at most so many.
function ticks(names, most) {
  const step = Math.ceil(names.length / most);
  const places = names.map((_, i) => i).filter((i) => i % step === 0);
  return { tickmode: "array", tickvals: places, ticktext: places.map((i) => plain(names[i])) };
}

function layerAxis(grid, node, n) {
  const names = shortNames(grid.layers, node.clientWidth < 360 ? 14 : 24);
  return axis("", { ...ticks(names, 60), range: [n - 0.5, -0.5] });
}

// Measures
// --------

function drawMeasures() {
  const grid = DATA.grids[state.run];
  const hasErrors = DATA.shown.some((key) => grid.errors[key].flat().some((one) => one !== null));
  find("error").textContent = hasErrors ? `± is the ${grid.error}.` : "";
  for (const key of DATA.shown) {
    const node = find(`measure-${DATA.shown.indexOf(key)}`);
    const nEpochs = grid.epochs ? grid.epochs.length : 1;
    const draw = nEpochs === 1 ? drawProfile : grid.layers.length === 1 ? drawCourse : drawMap;
    draw(node, grid, key);
  }
}

// One epoch: a point for each layer.
function drawProfile(node, grid, key) {
  const column = (values) => values[key].map((row) => row[0]);
  const n = grid.layers.length;
  show(node, [{
    type: "scatter", mode: "markers", x: column(grid.values), y: grid.layers.map((_, i) => i),
    error_x: { type: "data", array: column(grid.errors), color: css("--quiet"), ...ERRORS },
    marker: { size: 10, color: grid.layers.map((layer) => colorOf(layer)) },
    hoverinfo: "text", hovertext: grid.layers.map((_, i) => cellText(grid, i, 0, [key])),
  }], { xaxis: axis(axisTitle(key), { nticks: 6 }), yaxis: layerAxis(grid, node, n) },
  Math.max(180, 90 + 24 * n));
}

// One layer: its course over the epochs.
function drawCourse(node, grid, key) {
  const color = colorOf(grid.layers[0]);
  show(node, [{
    type: "scatter", mode: "lines+markers", x: grid.epochs, y: grid.values[key][0],
    error_y: { type: "data", array: grid.errors[key][0], color: css("--quiet"), ...ERRORS },
    line: { color }, marker: { color, size: 6 }, hoverinfo: "text",
    hovertext: grid.epochs.map((_, j) => cellText(grid, 0, j, [key])),
  }], { xaxis: axis("epoch", { nticks: 8 }), yaxis: axis(axisTitle(key)) }, 280);
}

// Several of both: a map.
function drawMap(node, grid, key) {
  const n = grid.layers.length;
  const z = grid.values[key];
  const known = z.flat().filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const scale = VIRIDIS.map((_, i, all) => i / (all.length - 1));
  const { unit } = DATA.measures[key];
  show(node, [{
    type: "heatmap", z, xgap: grid.epochs.length > 60 ? 0 : 1, ygap: n > 30 ? 0 : 1,
    // A single value has the colour in the middle.
    zmin: low < high ? low : low - 1, zmax: low < high ? high : high + 1,
    colorscale: scale.map((share) => [share, `rgb(${viridis(share).join(",")})`]),
    showscale: low < high,
    colorbar: { thickness: 10, outlinewidth: 0, nticks: 6, len: 1,
      title: { text: plain(unit), side: "right" } },
    hoverongaps: true, hoverinfo: "text",
    text: z.map((row, i) => row.map((_, j) => cellText(grid, i, j, [key]))),
  }], {
    xaxis: axis("epoch", { ...ticks(grid.epochs, 8), showgrid: false }),
    yaxis: { ...layerAxis(grid, node, n), showgrid: false },
  }, Math.max(200, 90 + Math.max(14, Math.min(26, 600 / n)) * n));
}

// The plane: two measures against each other, a trail for each layer
// ------------------------------------------------------------------

function drawPlane() {
  if (!find("plane")) return;
  const grid = DATA.grids[state.run];
  const nEpochs = grid.epochs ? grid.epochs.length : 1;
  const traces = grid.layers.map((layer, i) => trail(grid, layer, i, nEpochs));
  show(find("plane"), traces,
    { xaxis: axis(axisTitle(state.x), { nticks: 8 }), yaxis: axis(axisTitle(state.y)) }, 420);
}

function trail(grid, layer, i, nEpochs) {
  const color = colorOf(layer);
  const at = [...Array(nEpochs).keys()];
  const last = (j) => j === nEpochs - 1;
  const error = (key) => ({ type: "data", array: grid.errors[key][i],
    visible: nEpochs === 1, color: css("--quiet"), ...ERRORS });
  return {
    type: "scatter", mode: nEpochs > 1 ? "lines+markers" : "markers", name: plain(layer),
    x: grid.values[state.x][i], y: grid.values[state.y][i],
    error_x: error(state.x), error_y: error(state.y),
    line: { color, width: 1.5 },
    // Small at the start, large at the end.
    marker: { color, opacity: 1, size: at.map((j) => (last(j) ? 12 : 4 + (4 * j) / nEpochs)),
      line: { width: at.map((j) => (last(j) ? 1.5 : 0)), color: css("--card") } },
    hoverinfo: "text",
    hovertext: at.map((j) => cellText(grid, i, j, [state.x, state.y])),
    visible: !state.hidden.has(layer),
  };
}

// Entropy over time, and eigenvalues
// ----------------------------------

function drawSpectra() {
  if (!find("curves")) return;
  const units = [...new Set(DATA.spectra.map((one) => one.unit))];
  show(find("curves"), DATA.spectra.flatMap(curveTraces), {
    xaxis: axis("diffusion time t", { type: "log", tickvals: [1, 2, 5, 10, 20, 50, 100] }),
    yaxis: axis(`DSE [${plain(units.join(", "))}]`, { rangemode: "tozero" }),
  }, 360);
  const logarithmic = { type: "log", exponentformat: "e", dtick: 1 };
  show(find("spectra"), DATA.spectra.flatMap(spectrumTraces), {
    xaxis: axis("rank", logarithmic),
    yaxis: axis("|eigenvalue|", logarithmic),
  }, 360);
}

function lineOf(one, x, y, text, more = {}) {
  return {
    type: "scatter", mode: "lines", x, y, line: { color: colorOf(one.layer), width: 1.8 },
    hoverinfo: "text", visible: !state.hidden.has(one.layer),
    hovertext: x.map((_, j) => `<b>${plain(short(one.layer, 60))}</b><br>${text(j)}`), ...more,
  };
}

function bandOf(one, x, lower, upper) {
  return lineOf(one, [...x, ...x.slice().reverse()], [...upper, ...lower.slice().reverse()],
    () => "", { fill: "toself", fillcolor: colorOf(one.layer, 0.18), line: { width: 0 },
      hoverinfo: "skip" });
}

function curveTraces(one) {
  const [times, entropy, lower, upper] = one.curve;
  const interval = one.certified ? "certified" : "± 2 standard errors";
  const text = (j) => {
    const isExact = upper[j] - lower[j] < 1e-4;
    const range = isExact ? "" : `<br>${decimal(lower[j])} to ${decimal(upper[j])} (${interval})`;
    return `t = ${Number(times[j].toPrecision(3))}: DSE ${decimal(entropy[j])} ${plain(one.unit)}${range}`;
  };
  const [t, height] = one.knee;
  const knee = lineOf(one, [t], [height], () => `knee at t = ${t}: DSE ${decimal(height)}`,
    { mode: "markers", marker: { symbol: "circle-open", size: 10, color: colorOf(one.layer) } });
  return [bandOf(one, times, lower, upper), lineOf(one, times, entropy, text), knee];
}

function spectrumTraces(one) {
  const line = ([ranks, moduli], about, more) => lineOf(one, ranks, moduli, (j) =>
    `eigenvalue ${Math.round(ranks[j])} of ${one.n_samples}: ${decimal(moduli[j])}${about}`, more);
  const traces = [line(one.known, "", { mode: "lines+markers",
    marker: { size: 3, color: colorOf(one.layer) } })];
  if (one.rest) {
    traces.push(line(one.rest, " (estimated)",
      { line: { color: colorOf(one.layer), width: 1.8, dash: "dash" } }));
  }
  if (one.bounds) traces.push(bandOf(one, ...one.bounds));
  return traces;
}

// Controls
// --------

function addSelect(parent, label, names, chosen, onChange) {
  const select = document.createElement("select");
  names.forEach(([value, text]) => select.add(new Option(text, value)));
  select.value = chosen;
  select.addEventListener("change", () => onChange(select.value));
  const whole = document.createElement("label");
  whole.append(label, select);
  parent.append(whole);
}

function addControls() {
  if (DATA.grids.length > 1) {
    const names = DATA.grids.map((grid, i) => [String(i), grid.run || "(no name)"]);
    addSelect(find("runs"), "Run", names, "0", (value) => {
      state.run = Number(value);
      draw();
    });
  }
  const keys = Object.keys(DATA.measures);
  if (find("plane") && keys.length > 2) {
    const names = keys.map((key) => [key, DATA.measures[key].title]);
    for (const axis of ["x", "y"]) {
      addSelect(find("axes"), axis === "x" ? "Horizontal" : "Vertical", names, state[axis],
        (value) => {
          state[axis] = value;
          drawPlane();
        });
    }
  }
}

function drawChips() {
  if (layers.length < 2) return;
  for (const parent of document.querySelectorAll(".chips")) {
    parent.replaceChildren(...layers.map((layer) => {
      const [button, dot, name] = ["button", "i", "span"].map((tag) => document.createElement(tag));
      dot.style.background = colorOf(layer);
      button.type = "button";
      button.title = name.textContent = layer;
      button.setAttribute("aria-pressed", String(!state.hidden.has(layer)));
      button.append(dot, name);
      button.addEventListener("click", () => {
        state.hidden[state.hidden.has(layer) ? "delete" : "add"](layer);
        drawChips();
        drawPlane();
        drawSpectra();
      });
      return button;
    }));
  }
}

function draw() {
  drawMeasures();
  drawChips();
  drawPlane();
  drawSpectra();
}

// The table
// ---------

// Numbers by size, texts by letters and by the numbers in them; what is missing, last.
function compare(a, b) {
  if (a === "" || b === "") return a === b ? 0 : null;
  const [x, y] = [Number(a), Number(b)];
  const isText = Number.isNaN(x) || Number.isNaN(y);
  return isText ? a.localeCompare(b, undefined, { numeric: true }) : x - y;
}

function sortTable(head) {
  const table = head.closest("table");
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const value = (row) => row.cells[head.cellIndex].dataset.value
    ?? row.cells[head.cellIndex].textContent;
  const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
  rows.sort(([a], [b]) => {
    const order = compare(a, b);
    return order === null ? (a === "" ? 1 : -1) : sign * order;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sortTable(button.parentElement));
}

// Start
// -----

// plotly is in the page as gzip, in base64: 2 MB in place of 5.
async function loadPlotly() {
  const bytes = Uint8Array.from(atob(find("plotly").textContent), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.nonce = NONCE;
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

function fail(error) {
  find("fault").textContent = "The charts could not be drawn: they need a browser of 2023 or "
    + `later. The table has all numbers. (${error})`;
  find("fault").hidden = false;
}

loadPlotly().then(() => {
  addControls();
  draw();
  DARK.addEventListener("change", draw);
  document.documentElement.dataset.ready = "true";
}).catch(fail);
})();
