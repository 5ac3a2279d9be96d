// Learning curves: data arrive as traits, clicks are sent as traits.  The strip of runs below them
// is in run_strip.js, which is prepended to this file.

const NS = "http://www.w3.org/2000/svg";
const LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 32;

function element(parent, name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

// A round step for about `count` ticks.
function step(range, count) {
  const raw = range / count, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw);
}

function drawCurves(svg, model, available) {
  const width = Math.max(280, available);
  const HEIGHT = width < 620 ? 226 : 310;
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
  if (floor !== null) {
    const at = { x1: LEFT, x2: width - RIGHT, y1: y(floor), y2: y(floor), class: "mn-floor" };
    element(svg, "line", at);
  }
  for (const curve of curves) {
    const color = ink(curve.color);
    if (curve.theory !== null) {
      const at = { x1: LEFT, x2: width - RIGHT, y1: y(curve.theory), y2: y(curve.theory) };
      const line = element(svg, "line", { ...at, stroke: color, class: "mn-theory" });
      element(line, "title", {}, `${curve.label}: data and knowledge allow ` +
        `${(100 * curve.theory).toFixed(1)} % (theory)`);
    }
    if (curve.points.length === 0) continue;
    const up = curve.points.map((p) => `${x(p[0])},${y(p[3])}`);
    const down = curve.points.map((p) => `${x(p[0])},${y(p[1])}`).reverse();
    const points = [...up, ...down].join(" ");
    element(svg, "polygon", { points, fill: color, "fill-opacity": 0.16, stroke: "none",
      class: "mn-band" });
  }
  for (const curve of curves) {
    if (curve.points.length === 0) continue;
    const points = curve.points.map((p) => `${x(p[0])},${y(p[2])}`).join(" ");
    element(svg, "polyline", { points, class: "mn-curve", stroke: ink(curve.color),
      "stroke-dasharray": curve.dash });
    const [epoch, , median] = curve.points[curve.points.length - 1];
    element(svg, "circle", { cx: x(epoch), cy: y(median), r: 2.6, fill: ink(curve.color),
      class: "mn-end" });
  }
  element(svg, "line", { x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM, class: "mn-axis" });
  element(svg, "line", { x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM,
    class: "mn-axis" });
  const ends = curves.filter((curve) => curve.points.length).map((curve) =>
    `${curve.label} ${(100 * curve.points[curve.points.length - 1][2]).toFixed(1)} %`);
  svg.setAttribute("aria-label", `learning curves. ${model.get("caption")}. ${ends.join(", ")}`);
  svg.at = x;
  svg.epochOf = (px) => Math.round(((px - LEFT) / (width - LEFT - RIGHT)) * last);
  drawEpoch(svg, model);
  svg.dataset.draws = Number(svg.dataset.draws ?? 0) + 1;
}

// The key to the straight lines.
function drawLegend(box, model) {
  const floor = model.get("floor"), notes = [];
  for (const { theory, label, color } of model.get("curves")) {
    if (theory !== null) {
      notes.push([`theory, ${label} ${(100 * theory).toFixed(1)} %`, "mn-theory", ink(color),
        "what training rows and known structure allow: the accuracy of a network drawn at random " +
        "from all that fit the rows"]);
    }
  }
  if (floor !== null) {
    notes.push([`majority floor ${(100 * floor).toFixed(1)} %`, "mn-floor", "var(--mn-soft)",
      "the accuracy of the best constant answer"]);
  }
  box.replaceChildren(...notes.map(([text, lineClass, color, meaning]) => {
    const note = document.createElement("span"), label = document.createElement("span");
    note.className = "mn-note";
    note.title = meaning;
    note.innerHTML = `<svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5"
      y2="5" class="${lineClass}" style="stroke: ${color}"/></svg>`;
    label.className = "mn-word";
    label.textContent = text;
    note.append(label);
    return note;
  }));
}

// The line at the selected epoch.
function drawEpoch(svg, model) {
  svg.querySelector(".mn-now")?.remove();
  const epoch = model.get("epoch");
  if (epoch < 0 || !svg.at) return;
  const x = svg.at(epoch);
  const bottom = svg.viewBox.baseVal.height - BOTTOM;
  element(svg, "line", { x1: x, x2: x, y1: TOP, y2: bottom, class: "mn-now" });
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
  el.classList.add("mn-curves-widget");
  const [caption, legend, old, plot, box] = ["caption", "legend", "old", "plot", "strip"].map((name) => {
    const child = document.createElement("div");
    child.className = `mn-${name}`;
    el.append(child);
    return child;
  });
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("role", "img");
  plot.append(svg);
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "runs; arrow keys lead from one to the next");
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const strip = makeStrip(box, model, set);
  let observed = 0; // width: while a theme loads the page may be narrow for a moment
  const redraw = () => {
    caption.textContent = model.get("caption");
    old.textContent = model.get("old");
    plot.classList.toggle("mn-faded", model.get("old") !== "");
    drawLegend(legend, model);
    drawCurves(svg, model, observed || plot.clientWidth);
  };
  let scheduled = false;
  function schedule() { // traits that arrive in one message are drawn once
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => { scheduled = false; redraw(); });
  }
  for (const name of ["curves", "epochs", "floor", "caption", "old"]) {
    model.on(`change:${name}`, schedule);
  }
  model.on("change:epoch", () => drawEpoch(svg, model));
  model.on("change:strip", strip.draw);
  model.on("change:selected", strip.mark);
  model.on("msg:custom", (message) => message.copy !== undefined && copy(message.copy));
  svg.addEventListener("click", (event) => {
    const frame = svg.getBoundingClientRect();
    const epoch = svg.epochOf((event.clientX - frame.left) * svg.viewBox.baseVal.width / frame.width);
    set("epoch", Math.min(model.get("epochs"), Math.max(0, epoch)));
  });
  const observer = new ResizeObserver(([entry]) => {
    observed = entry.contentRect.width;
    schedule();
  });
  observer.observe(plot);
  redraw();
  strip.draw();
  return () => observer.disconnect();
}

export default { render };
