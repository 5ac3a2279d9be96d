// The strip of runs: a row for each kind, one tab stop, arrow keys inside.

// Key -> how many rows and runs it moves by.
const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0],
  Home: [0, -Infinity], End: [0, Infinity] };

function ink(color) {
  return color === "#222222" ? "var(--mn-dense)" : color;
}

function makeStrip(box, model, set) {
  let rows = []; // cells, row by row
  let built = ""; // keys of the cells, as JSON

  function build(strip) {
    const focused = box.contains(document.activeElement) && document.activeElement.dataset.run;
    const head = document.createElement("div");
    head.className = "mn-row mn-quiet mn-small";
    head.innerHTML = `<span class="mn-name">runs: click one</span>
      <span class="mn-cells">filled: every row is right</span><span class="mn-share">solved</span>`;
    rows = strip.map((row) => row.runs.map((run) => {
      const cell = document.createElement("button");
      cell.type = "button";
      cell.dataset.run = run.key;
      cell.style.setProperty("--mn-kind", ink(row.color));
      return cell;
    }));
    const lines = strip.map((row, n) => {
      const line = document.createElement("div"), name = document.createElement("span");
      const cells = document.createElement("span"), share = document.createElement("span");
      line.className = "mn-row";
      line.setAttribute("role", "group");
      line.setAttribute("aria-label", row.label);
      name.className = "mn-name";
      name.title = row.description;
      name.innerHTML = `<svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5"
        y2="5" style="stroke:${ink(row.color)}" stroke-width="2.4" stroke-dasharray="${row.dash}"/>
        </svg>`;
      const label = document.createElement("span");
      label.className = "mn-word";
      label.textContent = row.label;
      name.append(label);
      const columns = Math.min(64, row.runs.length);
      cells.className = "mn-cells";
      cells.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 14px))`;
      cells.classList.toggle("mn-two", row.runs.length > columns);
      cells.classList.toggle("mn-many", row.runs.length > 32);
      cells.append(...rows[n]);
      share.className = "mn-share";
      share.title = "runs that solve the whole truth table";
      line.append(name, cells, share);
      return line;
    });
    box.replaceChildren(...(lines.length ? [head, ...lines] : []));
    if (focused) box.querySelector(`[data-run="${focused}"]`)?.focus();
  }

  function draw() {
    const strip = model.get("strip");
    const keys = JSON.stringify(strip.map((row) => [row.kind, row.runs.map((run) => run.key)]));
    if (keys !== built) build(strip);
    built = keys;
    const shares = box.querySelectorAll(".mn-row:not(.mn-quiet) .mn-share");
    strip.forEach((row, n) => {
      row.runs.forEach((run, index) => {
        const cell = rows[n][index];
        const state = run.solved ? "solved" : run.done ? "stuck" : "learning";
        const accuracy = run.accuracy === null ? "" :
          `, ${(100 * run.accuracy).toFixed(1)} % of ${model.get("measure")}`;
        const title = `${row.label}, seed ${run.seed}: ${state}${accuracy}`;
        if (cell.title !== title) {
          cell.title = title;
          cell.setAttribute("aria-label", title);
        }
        cell.className = `mn-cell mn-${state}`;
      });
      const solved = row.runs.filter((run) => run.solved).length;
      shares[n].textContent = row.runs.length ? `${solved} of ${row.runs.length}` : "";
    });
    mark();
  }

  function mark() {
    const all = rows.flat(), selected = model.get("selected");
    const tabStop = all.find((cell) => cell.dataset.run === selected) ?? all[0];
    for (const cell of all) {
      cell.classList.toggle("mn-selected", cell.dataset.run === selected);
      cell.setAttribute("aria-pressed", String(cell.dataset.run === selected));
      cell.tabIndex = cell === tabStop ? 0 : -1;
    }
  }

  box.addEventListener("click", (event) => {
    const run = event.target.dataset.run;
    if (run) set("selected", run);
  });
  box.addEventListener("keydown", (event) => {
    const move = MOVES[event.key], row = rows.findIndex((cells) => cells.includes(event.target));
    if (!move || row < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault(); // of scrolling
    event.stopPropagation();
    const line = rows[row + move[0]];
    if (!line) return;
    const column = Math.max(0, rows[row].indexOf(event.target) + move[1]);
    const next = line[Math.min(column, line.length - 1)];
    next?.focus();
    if (next) set("selected", next.dataset.run);
  });
  return { draw, mark };
}

