// One violation: its timeline, what people make of it, and what becomes of it while it goes on.
import { announce, ask, listen } from "./server.js";
import { duration, showTimes } from "./words.js";

const address = () => `/api/v1/events/${article().dataset.id}`;
const article = () => document.getElementById("violation");

function showProblem(sentence) {
  const problem = document.getElementById("problem");
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

function draw() {
  showTimes(article());
  for (const element of article().querySelectorAll("[data-seconds]")) {
    element.textContent = duration(Number(element.dataset.seconds));
  }
  for (const element of article().querySelectorAll("[data-since]")) {
    element.textContent = duration((Date.now() - new Date(element.dataset.since)) / 1000);
  }
  drawTimeline(article().querySelector(".timeline"));
}

// Stretches in proportion; gaps between them are times at which nobody was seen. The last one may be open: a bit of it.
function drawTimeline(timeline) {
  const stretches = [...timeline.children].map((element) => ({
    element,
    from: Number(element.dataset.from),
    to: Number(element.dataset.to ?? NaN),
  }));
  timeline.hidden = stretches.length === 0;
  if (timeline.hidden) return;
  const start = stretches[0].from;
  const last = stretches.at(-1);
  if (Number.isNaN(last.to)) last.to = last.from + Math.max(0.5, 0.08 * (last.from - start));
  const whole = Math.max(last.to - start, 0.1);
  for (const { element, from, to } of stretches) {
    element.style.left = `${(100 * (from - start)) / whole}%`;
    element.style.width = `${(100 * (to - from)) / whole}%`;
  }
}

async function patch(button) {
  const key = button.dataset.patch;
  const isOn = button.getAttribute("aria-pressed") !== "true";
  button.disabled = true;
  try {
    await ask(address(), { method: "PATCH", body: { [key]: isOn } });
    await renew();
    announce(`${button.textContent.trim()}: ${isOn ? "on" : "off"}`);
    document.querySelector(`[data-patch="${key}"]`).focus();
  } catch (error) {
    showProblem(error.message);
    button.disabled = false;
  }
}

async function remove() {
  try {
    await ask(address(), { method: "DELETE" });
    const neighbour = document.querySelector('a[rel="next"], a[rel="prev"]');
    location.replace(neighbour ? neighbour.href : "/violations");
  } catch (error) {
    document.getElementById("confirm").close();
    showProblem(error.message);
  }
}

// Takes over what the server says now; a clip that is playing is left alone.
async function renew() {
  const answer = await fetch(location.href).catch(() => null);
  if (answer === null || !answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("violation");
  if (now === null) return;
  const old = article();
  if (old.dataset.clip === "true" && now.dataset.clip === "true") {
    now.querySelector("video").replaceWith(old.querySelector("video"));
  }
  old.replaceWith(now);
  showProblem("");
  draw();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const confirm = document.getElementById("confirm");
  if (!button) return;
  if (button.dataset.patch) patch(button);
  else if (button.id === "delete") confirm.showModal();
  else if ("no" in button.dataset) confirm.close();
  else if ("yes" in button.dataset) remove();
  else if (button.dataset.seek) {
    const video = article().querySelector("video");
    video.currentTime = Number(button.dataset.seek);
    video.play();
    video.focus();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("video, input, select, textarea, dialog")) return; // these have arrow keys of their own
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  document.querySelector(`a[rel="${rel}"]`)?.click();
});

draw();
// back to the list as it was left
const gallery = `${location.origin}/violations?`;
if (document.referrer.startsWith(gallery)) sessionStorage.setItem("gallery", document.referrer);
const kept = sessionStorage.getItem("gallery");
if (kept && location.search) document.getElementById("back").href = kept;

let due;
listen({
  numbers: () => { // once a second
    for (const element of article().querySelectorAll("[data-since]")) {
      element.textContent = duration((Date.now() - new Date(element.dataset.since)) / 1000);
    }
  },
  violation: (violation) => {
    if (violation.key !== article().dataset.key) return;
    clearTimeout(due);
    due = setTimeout(renew, 700);
  },
});

// The clip is complete some seconds after the end, and nothing tells of it.
const fresh = Date.now() - new Date(article().dataset.updated) < 60e3;
if (article().dataset.clip === "false" && (fresh || article().dataset.open === "true")) {
  const looking = setInterval(async () => {
    const { clip, updated, open } = article().dataset;
    if (clip === "true" || Date.now() - new Date(updated) > 120e3) clearInterval(looking);
    else if (open === "false") await renew();
  }, 3000);
}
