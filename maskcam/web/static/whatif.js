// Two sliders that ask how many violations there would have been, and show the answer.
import { ask } from "./server.js";
import { count } from "./words.js";

const section = document.getElementById("whatif");
const at = (id) => document.getElementById(id);
const [threshold, dwell] = [at("threshold"), at("dwell")];
const present = { threshold: threshold.value, dwell: dwell.value };
let asked = 0;
let timer;

function say() {
  at("threshold-said").textContent = `${Math.round(100 * threshold.value)}%`;
  at("dwell-said").textContent = `${Number(dwell.value)} s`;
  threshold.setAttribute("aria-valuetext", at("threshold-said").textContent);
  dwell.setAttribute("aria-valuetext", count(Number(dwell.value), "second"));
}

async function show() {
  const query = new URLSearchParams({
    threshold: threshold.value, dwell: dwell.value, since: section.dataset.since, until: section.dataset.until,
  });
  for (const name of JSON.parse(section.dataset.cameras)) query.append("cameras", name);
  const turn = ++asked;
  try {
    const found = await ask(`/api/v1/whatif?${query}`);
    if (turn === asked) draw(found); // a later answer may have been quicker
    at("whatif-problem").hidden = true;
  } catch (error) {
    at("whatif-problem").textContent = error.message;
    at("whatif-problem").hidden = false;
  }
}

function draw(found) {
  at("per-day").textContent = number(found.wanted.per_day);
  at("compared").textContent = `${count(found.wanted.violations, "violation")} in ${count(number(found.days_covered), "day")}; `
    + `with the settings as they are now (50%, ${found.present_dwell_seconds} s) ${found.present.violations}, `
    + `in the log ${found.logged}.`;
  at("how").textContent = `How it was computed: ${found.how}`;
  const most = Math.max(1, ...found.days.map((day) => day.violations));
  at("most").textContent = most;
  const width = 1000 / found.days.length;
  at("days").querySelectorAll("rect").forEach((bar) => bar.remove());
  found.days.forEach((day, place) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = 100 * day.violations / most;
    const values = { class: "column", x: width * (place + .1), y: 100 - height, width: .8 * width, height };
    for (const [name, value] of Object.entries(values)) bar.setAttribute(name, value);
    at("days").append(bar);
  });
  at("days-desc").textContent = found.days.map((day) => `${day.day}: ${day.violations}`).join(", ");
}

function number(value) {
  return value >= 100 ? Math.round(value) : Math.round(10 * value) / 10;
}

function changed() {
  say();
  clearTimeout(timer);
  timer = setTimeout(show, 80);
}

threshold.addEventListener("input", changed);
dwell.addEventListener("input", changed);
at("reset").addEventListener("click", () => {
  threshold.value = present.threshold;
  dwell.value = present.dwell;
  changed();
});
say();
show();
