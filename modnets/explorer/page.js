// What makes one page of the explorer's widgets: keys that stay inside, a name and a meaning for
// everything that can be used, tidings for screen readers, a line once the kernel is gone.

const SUPPRESS = "data-lm-suppress-shortcuts"; // JupyterLab looks for it before it takes a key
const GONE = "The kernel was restarted or has ended, so nothing here works any more. Run the cell " +
  "again (click into it, Shift+Enter): runs that were stored are found again.";

function set(node, name, value) {
  if (value && node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function said(node) {
  return node?.textContent.replaceAll("\u200b", "").trim() ?? "";
}

// JupyterLab takes no key that is pressed inside, but for the one that saves the notebook.  It looks
// from the focused element upwards, and many of its shortcuts are for that element itself.
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
  window.addEventListener("keydown", onKey, true); // before JupyterLab's own, which is the document's
  return () => window.removeEventListener("keydown", onKey, true);
}

function nameSlider(slider) {
  const label = said(slider.querySelector(".widget-label"));
  const handle = slider.querySelector("[role=slider]");
  const readout = slider.querySelector(".widget-readout");
  if (handle) {
    set(handle, "aria-label", label);
    set(handle, "aria-valuetext", said(readout)); // of a rate the slider itself knows the exponent
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
    if (!field.labels?.length || ![...field.labels].some(said)) set(field, "aria-label", field.title);
  }
  for (const widget of root.querySelectorAll(".widget-inline-hbox")) {
    const label = widget.querySelector(":scope > .widget-label-basic") ??
      widget.querySelector(":scope > .widget-label");
    const meaning = meanings[said(label)];
    if (!meaning) continue;
    for (const one of [widget, ...widget.querySelectorAll("[title], label, input, select")]) {
      set(one, "title", meaning);
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

  const tell = () => { live.textContent = model.get("announcement"); };
  const progress = () => {
    const bar = root?.querySelector(".widget-hprogress .progress");
    if (!bar) return;
    set(bar, "role", "progressbar");
    set(bar, "aria-label", "progress of the training");
    set(bar, "aria-valuemin", "0");
    set(bar, "aria-valuemax", "100");
    set(bar, "aria-valuenow", String(Math.round(100 * model.get("share"))));
  };
  const notice = () => {
    const dead = root.classList.contains("jupyter-widgets-disconnected");
    root.classList.toggle("mn-dead", dead);
    if (dead !== (gone.textContent !== "")) gone.textContent = dead ? GONE : "";
  };

  let waiting = false;
  function renew() { // many changes come to one look at the page
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!root) return;
      nameWidgets(root, model.get("meanings"));
      progress();
    });
  }
  const changes = new MutationObserver((all) => {
    const now = document.activeElement;
    for (const { target, attributeName } of all) {
      if (attributeName === "class" && target === root) notice();
      const lost = attributeName === "disabled" && target.disabled && target === focused;
      if (lost && (now === target || now === document.body)) root.focus({ preventScroll: true });
    }
    renew();
  });

  function adopt() { // the widgets around it are there once it is in the page
    const found = el.closest(".mn-explorer");
    if (!found || found === root) return;
    release();
    root = found;
    const letGo = keepKeys(root);
    const onFocus = (event) => { focused = event.target; };
    root.addEventListener("focusin", onFocus);
    changes.observe(root, { subtree: true, childList: true, characterData: true, attributes: true,
      attributeFilter: ["class", "disabled"] });
    release = () => {
      letGo();
      root.removeEventListener("focusin", onFocus);
      changes.disconnect();
    };
    notice();
    renew();
  }
  const size = new ResizeObserver(adopt);
  size.observe(el);
  model.on("change:announcement", tell);
  model.on("change:share", progress);
  model.on("change:meanings", renew);
  tell();
  return () => {
    size.disconnect();
    release();
  };
}

export default { render };
