// Learning curves and the strip of runs: numbers come in as traits, clicks go out as traits.

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 244, LEFT = 40, RIGHT = 12, TOP = 22, BOTTOM = 30;

function element(parent, name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

function ink(color) {
  return color === "#222222" ? "var(--mn-dense)" : color;
}

// A round step that gives about so many ticks.
function step(range, count) {
  const raw = range / count, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw);
}

function drawCurves(svg, model) {
  const width = Math.max(280, svg.parentNode.clientWidth);
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("height", HEIGHT);
  svg.replaceChildren();
  const curves = model.get("curves"), last = Math.max(1, model.get("epochs"));
  const floor = model.get("floor");
  const lows = curves.flatMap((c) => c.points.map((p) => p[1]));
  const least = Math.min(floor ?? 1, 0.95, ...lows);
  const low = Math.max(0, Math.floor(least * 20 - 0.4) / 20), high = 1.01;
  const x = (epoch) => LEFT + (epoch / last) * (width - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const by = step(1 - low, 4);
  for (let v = Math.ceil(low / by - 1e-6) * by; v <= 1 + 1e-9; v += by) {
    element(svg, "line", { x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v), class: "mn-grid" });
    const percent = `${+(100 * v).toFixed(1)} %`;
    element(svg, "text", { x: LEFT - 5, y: y(v) + 3.5, "text-anchor": "end" }, percent);
  }
  const on = step(last, Math.max(3, width / 110));
  for (let e = 0; e <= last + 1e-9; e += on) {
    const anchor = e > 0 && x(e) > width - 30 ? "end" : "middle";
    element(svg, "text", { x: x(e) + (anchor === "end" ? 8 : 0), y: HEIGHT - 16,
      "text-anchor": anchor }, Math.round(e));
  }
  element(svg, "text", { x: (LEFT + width) / 2, y: HEIGHT - 3, "text-anchor": "middle" },
    "epochs");
  element(svg, "text", { x: 0, y: 12, class: "mn-note" }, model.get("caption"));
  if (floor !== null) {
    const at = { x1: LEFT, x2: width - RIGHT, y1: y(floor), y2: y(floor), class: "mn-floor" };
    element(svg, "line", at);
  }
  const notes = []; // what lines stand for, written last, apart from each other
  for (const curve of curves) {
    const color = ink(curve.color);
    if (curve.theory !== null) {
      const at = { x1: LEFT, x2: width - RIGHT, y1: y(curve.theory), y2: y(curve.theory) };
      const line = element(svg, "line", { ...at, stroke: color, class: "mn-theory" });
      element(line, "title", {}, `${curve.label}: data and knowledge allow ` +
        `${(100 * curve.theory).toFixed(1)} % (theory)`);
      notes.push([y(curve.theory), color, `theory, ${curve.label}`]);
    }
    if (curve.points.length === 0) continue;
    const up = curve.points.map((p) => `${x(p[0])},${y(p[3])}`);
    const down = curve.points.map((p) => `${x(p[0])},${y(p[1])}`).reverse();
    const points = [...up, ...down].join(" ");
    element(svg, "polygon", { points, fill: color, "fill-opacity": 0.16, stroke: "none" });
  }
  for (const curve of curves) {
    if (curve.points.length === 0) continue;
    const points = curve.points.map((p) => `${x(p[0])},${y(p[2])}`).join(" ");
    element(svg, "polyline", { points, class: "mn-curve", stroke: ink(curve.color),
      "stroke-dasharray": curve.dash });
    const [epoch, , median] = curve.points[curve.points.length - 1];
    element(svg, "circle", { cx: x(epoch), cy: y(median), r: 2.6, fill: ink(curve.color) });
  }
  let above = -Infinity;
  for (const [at, color, text] of notes.sort((a, b) => a[0] - b[0])) {
    above = Math.max(at + 12, above + 12);
    element(svg, "text", { x: width - RIGHT - 6, y: above, class: "mn-note",
      "text-anchor": "end", style: `fill: ${color}` }, text);
  }
  if (floor !== null) {
    element(svg, "text", { x: width - RIGHT - 6, y: y(floor) - 5, class: "mn-note",
      "text-anchor": "end" }, `majority floor ${(100 * floor).toFixed(1)} %`);
  }
  element(svg, "line", { x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM, class: "mn-axis" });
  element(svg, "line", { x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM,
    class: "mn-axis" });
  svg.at = x;
  svg.epochOf = (px) => Math.round(((px - LEFT) / (width - LEFT - RIGHT)) * last);
  drawEpoch(svg, model);
  svg.dataset.draws = Number(svg.dataset.draws ?? 0) + 1;
}

// The line at the epoch that is looked at.
function drawEpoch(svg, model) {
  svg.querySelector(".mn-now")?.remove();
  const epoch = model.get("epoch");
  if (epoch < 0 || !svg.at) return;
  const x = svg.at(epoch);
  element(svg, "line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, class: "mn-now" });
}

function drawStrip(box, model) {
  const selected = model.get("selected");
  const rows = model.get("strip").map((row) => {
    const line = document.createElement("div");
    line.className = "mn-row";
    const name = document.createElement("span");
    name.className = "mn-name";
    name.innerHTML = `<svg width="26" height="10"><line x1="1" x2="25" y1="5" y2="5"
      style="stroke:${ink(row.color)}" stroke-width="2.4" stroke-dasharray="${row.dash}"/></svg>`;
    name.append(row.label);
    const cells = document.createElement("span");
    cells.className = "mn-cells";
    for (const run of row.runs) {
      const cell = document.createElement("button");
      const state = run.solved ? "solved" : run.done ? "stuck" : "learning";
      cell.className = `mn-cell mn-${state}${run.key === selected ? " mn-selected" : ""}`;
      cell.style.setProperty("--mn-kind", ink(row.color));
      cell.dataset.run = run.key;
      const accuracy = run.accuracy === null ? "" : `, ${(100 * run.accuracy).toFixed(1)} %`;
      cell.title = `${row.label}, seed ${run.seed}: ${state}${accuracy} of unseen bits right`;
      cell.setAttribute("aria-label", cell.title);
      cell.setAttribute("aria-pressed", run.key === selected);
      cells.append(cell);
    }
    const share = document.createElement("span");
    share.className = "mn-share";
    const solved = row.runs.filter((run) => run.solved).length;
    share.textContent = row.runs.length ? `${solved} of ${row.runs.length}` : "";
    share.title = "runs that solve the whole truth table";
    const columns = Math.min(64, row.runs.length);
    cells.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 14px))`;
    cells.classList.toggle("mn-two", row.runs.length > columns);
    cells.classList.toggle("mn-many", row.runs.length > 32);
    line.append(name, cells, share);
    return line;
  });
  if (rows.length) {
    const head = document.createElement("div");
    head.className = "mn-row mn-quiet mn-small";
    head.innerHTML = `<span class="mn-name">runs: click one</span>
      <span class="mn-cells">filled: every row is right</span><span class="mn-share">solved</span>`;
    rows.unshift(head);
  }
  const focused = document.activeElement?.dataset?.run;
  box.replaceChildren(...rows);
  if (focused) box.querySelector(`[data-run="${focused}"]`)?.focus();
}

function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function render({ model, el }) {
  el.classList.add("mn-stage");
  const plot = document.createElement("div"), box = document.createElement("div");
  const svg = document.createElementNS(NS, "svg");
  plot.className = "mn-plot";
  box.className = "mn-strip";
  plot.append(svg);
  el.append(plot, box);
  const curves = () => drawCurves(svg, model), strip = () => drawStrip(box, model);
  const now = () => drawEpoch(svg, model);
  for (const name of ["curves", "epochs", "floor", "caption"]) model.on(`change:${name}`, schedule);
  let waiting = false;
  function schedule() { // traits that come in one message are drawn once
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; curves(); });
  }
  model.on("change:epoch", now);
  for (const name of ["strip", "selected"]) model.on(`change:${name}`, strip);
  model.on("msg:custom", (message) => message.copy !== undefined && copy(message.copy));
  const choose = (name, value) => { model.set(name, value); model.save_changes(); };
  box.addEventListener("click", (event) => {
    const run = event.target.dataset.run;
    if (run) choose("selected", run);
  });
  box.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || !event.target.dataset.run) return;
    const cells = [...box.querySelectorAll("[data-run]")];
    const next = cells[cells.indexOf(event.target) + by];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
    choose("selected", next.dataset.run);
  });
  svg.addEventListener("click", (event) => {
    const frame = svg.getBoundingClientRect();
    const epoch = svg.epochOf(event.clientX - frame.left);
    choose("epoch", Math.min(model.get("epochs"), Math.max(0, epoch)));
  });
  const observer = new ResizeObserver(schedule);
  observer.observe(plot);
  curves();
  strip();
  return () => observer.disconnect();
}

export default { render };
