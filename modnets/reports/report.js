// The replay: a slider, a button, and a line in the curves.  Without it the end is shown.
"use strict";
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not(article details)")) details.open = true;
});
(() => {
  const section = document.getElementById("replay");
  if (!section) return;
  const moments = [...section.querySelectorAll(".moment")];
  const slider = document.getElementById("moment"), play = document.getElementById("play");
  const said = document.getElementById("said"), now = section.querySelector(".now");
  const places = JSON.parse(section.dataset.places);
  let timer = 0;
  section.classList.add("live");

  function show(index) {
    moments.forEach((moment, number) => { moment.hidden = number !== index; });
    said.textContent = moments[index].dataset.said;
    now.setAttribute("x1", places[index]);
    now.setAttribute("x2", places[index]);
    slider.value = String(index);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  function step() {
    const next = Number(slider.value) + 1;
    show(next);
    if (next >= moments.length - 1) stop();
  }

  play.addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (Number(slider.value) >= moments.length - 1) show(0);
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(step, 600);
  });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  addEventListener("beforeprint", () => { stop(); show(moments.length - 1); });
})();
