"use strict";
// Comforts only: without this script everything is on the page, too.

// Pictures over time: a large view with a slider, fed from the strip.
document.querySelectorAll("[data-film]").forEach((film) => {
  const frames = [...film.querySelectorAll(".strip img[data-step]")];
  const viewer = film.querySelector(".viewer");
  if (frames.length < 2) return;
  const image = document.createElement("img");
  viewer.querySelector(".screen").append(image);
  const slider = viewer.querySelector("input");
  const told = viewer.querySelector("output");
  const button = viewer.querySelector("button");
  let timer = null;
  const show = (place) => {
    const frame = frames[place];
    image.src = frame.src;
    image.alt = frame.alt;
    image.className = frame.className;
    if (frame.getAttribute("width")) image.style.width = frame.getAttribute("width") + "px";
    told.textContent = "step " + frame.dataset.step;
    slider.value = place;
    slider.setAttribute("aria-valuetext", "step " + frame.dataset.step);
    frames.forEach((other, at) => other.closest("li").classList.toggle("now", at === place));
  };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
  slider.max = frames.length - 1;
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  frames.forEach((frame, place) => frame.addEventListener("click", () => { stop(); show(place); }));
  button.addEventListener("click", () => {
    if (timer) { stop(); return; }
    button.textContent = "Pause";
    let place = Number(slider.value) === frames.length - 1 ? 0 : Number(slider.value);
    show(place);
    timer = setInterval(() => {
      place += 1;
      if (place >= frames.length) { stop(); return; }
      show(place);
    }, Math.max(120, Math.min(600, 6000 / frames.length)));
  });
  viewer.hidden = false;
  film.classList.add("moving");
  show(frames.length - 1);
});

// Curves: the legend's numbers follow the pointer.
document.querySelectorAll(".plot").forEach((plot) => {
  const chart = plot.closest(".chart");
  const cursor = chart.querySelector(".cursor");
  const at = chart.querySelector(".at");
  const side = 1000;
  const logarithmic = plot.dataset.log === "1";
  const scale = (value) => (logarithmic ? Math.log(value) : value);
  const low = scale(Number(plot.dataset.low)), high = scale(Number(plot.dataset.high));
  const until = Number(plot.dataset.until);
  const values = [...chart.querySelectorAll(".legend .value")];
  const last = values.map((value) => value.textContent), lastAt = at.textContent;
  let curves = null;
  const read = () => [...plot.querySelectorAll("g.curve:not(.faint)")].map((group) => {
    const path = group.querySelector(".line") || group.querySelector(".dots");
    return path.getAttribute("d").split(/[ML]/).filter(Boolean).map((pair) => pair.replace("h0", "").split(" ").map(Number));
  });
  const written = (value) => {
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size < 1e-3 || size >= 1e7) return value.toExponential(2).replace(/-/g, "−");
    if (size >= 1000) return Math.round(value).toLocaleString("en").replace("-", "−");
    return String(Number(value.toPrecision(3))).replace("-", "−");
  };
  plot.addEventListener("pointermove", (event) => {
    curves = curves || read();
    const box = plot.getBoundingClientRect();
    const x = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * side;
    cursor.style.left = x / 10 + "%";
    cursor.hidden = false;
    const here = Math.round((x / side) * until).toLocaleString("en");
    at.textContent = plot.dataset.across === "step" ? "step " + here : here + " " + plot.dataset.across;
    curves.forEach((points, number) => {
      const near = points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best));
      const value = low + (1 - near[1] / side) * (high - low);
      const beyond = near[1] <= -2 * side || near[1] >= 3 * side;
      if (values[number]) values[number].textContent = beyond ? "off the chart" : written(logarithmic ? Math.exp(value) : value);
    });
  });
  plot.addEventListener("pointerleave", () => {
    cursor.hidden = true;
    at.textContent = lastAt;
    values.forEach((value, number) => { value.textContent = last[number]; });
  });
});

// Copying.
document.querySelectorAll("button[data-copy]").forEach((button) => {
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  const done = (word) => { button.textContent = word; setTimeout(() => { button.textContent = label; }, 1500); };
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    done(document.execCommand("copy") ? "Copied" : "Selected");
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (!navigator.clipboard) { select(); return; }
    navigator.clipboard.writeText(source.textContent).then(() => done("Copied"), select);
  });
});

// On paper nothing can be opened.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details[data-print]:not([open])")];
  opened.forEach((one) => { one.open = true; });
});
window.addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); });
