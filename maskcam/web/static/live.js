// The live wall: pictures of the cameras on screen, how they are doing, and violations as they come.
import { Pictures, paint } from "./pictures.js";
import { announce, listen } from "./server.js";
import { STATES, STATUSES, count, statusPlate } from "./words.js";
import { News } from "./news.js";
import { Theatre } from "./theatre.js";

const wall = document.getElementById("wall");
const cards = new Map(); // by the camera's name
const onScreen = new Set();
let cameras = []; // as the last numbers had them

const pictures = new Pictures((name, bitmap) => {
  const card = cards.get(name);
  if (card) paint(card.querySelector("canvas"), bitmap);
});
const theatre = new Theatre({ names: () => [...cards.keys()], closed: showPictures });
const news = new News();

// Pictures that nobody sees are not fetched.
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) onScreen.add(target.dataset.camera);
    else onScreen.delete(target.dataset.camera);
  }
  showPictures();
}, { rootMargin: "100px" });

let pause;
function showPictures() {
  clearTimeout(pause);
  pause = setTimeout(() => {
    const isHidden = document.hidden || theatre.isOpen;
    const names = isHidden ? [] : [...onScreen].filter((name) => cards.has(name));
    pictures.show(names, { width: cards.size > 1 && innerWidth < 1800 ? 640 : 1280 });
  }, 150);
}
document.addEventListener("visibilitychange", showPictures);
addEventListener("pagehide", () => pictures.stop());

function adopt(card) {
  const { camera } = card.dataset;
  cards.set(camera, card);
  card.querySelector(".picture").addEventListener("click", () => {
    theatre.open(camera);
    showPictures();
    showNumbers();
  });
  observer.observe(card);
}

function addCard(name) {
  const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
  card.dataset.camera = name;
  card.querySelector("h2").textContent = name;
  card.querySelector(".picture").setAttribute("aria-label", `Enlarge ${name}`);
  card.querySelector("canvas").setAttribute("aria-label", `Live picture of ${name}`);
  wall.append(card);
  adopt(card);
}

function removeCard(name) {
  observer.unobserve(cards.get(name));
  cards.get(name).remove();
  cards.delete(name);
  onScreen.delete(name);
  showPictures();
}

function showCamera(root, camera) {
  root.querySelector(".veil").textContent = camera.state === "live" ? "" : sentence(camera);
  const plates = Object.keys(STATUSES).filter((status) => camera.faces[status] > 0)
    .map((status) => statusPlate(status, camera.faces[status]));
  const people = root.querySelector(".people");
  const isLive = camera.state === "live";
  const nobody = camera.off_duty ? "No masks required at this hour" : isLive ? "Nobody in sight" : "";
  people.replaceChildren(...(plates.length ? plates : [nobody]));
  people.classList.toggle("soft", plates.length === 0);
  const rate = `${camera.fps.toFixed(camera.fps < 10 ? 1 : 0)} pictures per second`;
  root.querySelector(".numbers").textContent =
    isLive && camera.frames > 0 ? `${rate}, judged after ${camera.latency_seconds.toFixed(2)} s` : "";
}

// Why there is no picture.
function sentence(camera) {
  const words = STATES[camera.state] ?? camera.state;
  return `${words[0].toUpperCase()}${words.slice(1)}${camera.reason ? `: ${camera.reason}` : "."}`;
}

function showState(camera) {
  const card = cards.get(camera.name);
  if (!card || card.dataset.state === camera.state) return;
  const before = card.dataset.state;
  card.dataset.state = camera.state;
  const state = card.querySelector(".state");
  state.dataset.state = camera.state;
  state.textContent = STATES[camera.state] ?? camera.state;
  if (before === "live" || camera.state === "live") announce(`${camera.name}: ${STATES[camera.state]}`);
}

function showNumbers() {
  for (const camera of cameras) {
    if (!cards.has(camera.name)) addCard(camera.name);
    showState(camera);
    showCamera(cards.get(camera.name), camera);
    if (theatre.camera === camera.name) showCamera(theatre.dialog, camera);
  }
}

function hearNumbers(numbers) {
  ({ cameras } = numbers);
  const names = new Set(cameras.map((camera) => camera.name));
  if (numbers.is_running) for (const name of [...cards.keys()]) if (!names.has(name)) removeCard(name);
  showNumbers();
  document.getElementById("nobody").hidden = cards.size > 0;
  const fault = document.getElementById("fault");
  fault.hidden = numbers.is_running;
  const said = numbers.is_running ? "" : `The cameras are not watched: ${numbers.fault ?? "the service is starting"}`;
  if (fault.textContent !== said) fault.textContent = said;
  const live = cameras.filter((camera) => camera.state === "live").length;
  document.getElementById("summary").textContent =
    `${live === cameras.length ? "" : `${live} of `}${count(cameras.length, "camera")} live`;
}

for (const card of wall.children) adopt(card);
listen({
  numbers: hearNumbers,
  camera: (camera) => {
    cameras = cameras.map((other) => (other.name === camera.name ? camera : other));
    showNumbers();
  },
  violation: (violation) => news.hear(violation),
});
news.load();
