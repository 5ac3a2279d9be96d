// Accessibility of the explorer's widgets: keys that stay inside, a name and a tooltip for every
// control, announcements to screen readers, a notice once the kernel is gone.

const SUPPRESS = "data-lm-suppress-shortcuts"; // JupyterLab checks it before it handles a key
const GONE = "The kernel was restarted or has ended, so nothing here works any more. Run the cell " +
  "again (click into it, Shift+Enter): runs that were stored are found again.";

function set(node, name, value) {
  if (value && node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function textOf(node) {
  return node?.textContent.replaceAll("\u200b", "").trim() ?? "";
}

// JupyterLab handles no key that is pressed inside, except the one that saves the notebook.  It
// checks the focused element and its ancestors, and many of its shortcuts are for that element.
function keepKeys(root) {
  root.setAttribute(SUPPRESS, "true");
  root.tabIndex = -1; // a click beside a control stays inside too
  const onKey = (event) => {
    const inside = root.contains(event.target);
    const saves = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    for (const node of inside ? [root, event.target] : []) {
      if (saves) node.removeAttribute(SUPPRESS);
      else node.setAttribute(SUPPRESS, "true");
    }
  };
  window.addEventListener("keydown", onKey, true); // before JupyterLab's own, on the document
  return () => window.removeEventListener("keydown", onKey, true);
}

function nameSlider(slider) {
  const label = textOf(slider.querySelector(".widget-label"));
  const handle = slider.querySelector("[role=slider]");
  const readout = slider.querySelector(".widget-readout");
  if (handle) {
    set(handle, "aria-label", label);
    set(handle, "aria-valuetext", textOf(readout)); // the slider of a rate itself has the exponent
  }
  if (readout) {
    set(readout, "role", "textbox");
    set(readout, "aria-label", `${label}, typed`);
  }
}

function nameWidgets(root, meanings) {
  root.querySelectorAll(".widget-slider").forEach(nameSlider);
  for (const play of root.querySelectorAll(".widget-play")) {
    const names = ["replay the training, or pause", "stop the replay, back to the start"];
    play.querySelectorAll("button").forEach((button, n) => {
      set(button, "aria-label", names[n] ?? "repeat the replay");
      set(button, "title", names[n] ?? "repeat the replay");
    });
  }
  for (const group of root.querySelectorAll(".widget-toggle-buttons > div")) {
    set(group, "role", "group");
    set(group, "aria-label", "where the task comes from");
    for (const button of group.querySelectorAll("button")) {
      set(button, "aria-pressed", String(button.classList.contains("mod-active")));
    }
  }
  for (const field of root.querySelectorAll("textarea, input, select")) {
    if (!field.labels?.length || ![...field.labels].some(textOf)) set(field, "aria-label", field.title);
  }
  for (const widget of root.querySelectorAll(".widget-inline-hbox")) {
    const label = widget.querySelector(":scope > .widget-label-basic") ??
      widget.querySelector(":scope > .widget-label");
    const meaning = meanings[textOf(label)];
    if (!meaning) continue;
    for (const node of [widget, ...widget.querySelectorAll("[title], label, input, select")]) {
      set(node, "title", meaning);
    }
  }
}

function render({ model, el }) {
  el.classList.add("mn-page");
  const gone = document.createElement("div"), live = document.createElement("div");
  gone.className = "mn-gone";
  gone.setAttribute("role", "alert");
  live.className = "mn-live";
  live.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");
  el.append(gone, live);
  let root = null, focused = null, release = () => {};

  const announce = () => { live.textContent = model.get("announcement"); };
  const progress = () => {
    const bar = root?.querySelector(".widget-hprogress .progress");
    if (!bar) return;
    set(bar, "role", "progressbar");
    set(bar, "aria-label", "progress of the training");
    set(bar, "aria-valuemin", "0");
    set(bar, "aria-valuemax", "100");
    set(bar, "aria-valuenow", String(Math.round(100 * model.get("share"))));
  };
  const checkKernel = () => {
    const dead = root.classList.contains("jupyter-widgets-disconnected");
    root.classList.toggle("mn-dead", dead);
    if (dead !== (gone.textContent !== "")) gone.textContent = dead ? GONE : "";
  };

  let scheduled = false;
  function update() { // at most once a frame
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      if (!root) return;
      nameWidgets(root, model.get("meanings"));
      progress();
    });
  }
  const changes = new MutationObserver((mutations) => {
    const active = document.activeElement;
    for (const { target, attributeName } of mutations) {
      if (attributeName === "class" && target === root) checkKernel();
      const lost = attributeName === "disabled" && target.disabled && target === focused;
      if (lost && (active === target || active === document.body)) root.focus({ preventScroll: true });
    }
    update();
  });

  function attach() { // once it is in the page, with the widgets around it
    const explorer = el.closest(".mn-explorer");
    if (!explorer || explorer === root) return;
    release();
    root = explorer;
    const releaseKeys = keepKeys(root);
    const onFocus = (event) => { focused = event.target; };
    root.addEventListener("focusin", onFocus);
    changes.observe(root, { subtree: true, childList: true, characterData: true, attributes: true,
      attributeFilter: ["class", "disabled"] });
    release = () => {
      releaseKeys();
      root.removeEventListener("focusin", onFocus);
      changes.disconnect();
    };
    checkKernel();
    update();
  }
  const size = new ResizeObserver(attach);
  size.observe(el);
  model.on("change:announcement", announce);
  model.on("change:share", progress);
  model.on("change:meanings", update);
  announce();
  return () => {
    size.disconnect();
    release();
  };
}

export default { render };
