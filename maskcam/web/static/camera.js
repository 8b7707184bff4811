// One camera's settings: zones on its picture, thresholds tried on the faces of the moment, and saving.
import { ask } from "./server.js";
import { changes, findings, problem, say } from "./reports.js";
import { count } from "./words.js";
import { ZoneEditor, contains } from "./zones.js";

const SVG = "http://www.w3.org/2000/svg";
const REFRESH_MS = 1500;
const at = (id) => document.getElementById(id);
const form = at("camera");
const address = `/api/v1/cameras/${encodeURIComponent(form.dataset.name)}`;
const zones = JSON.parse(form.dataset.zones);
const faceLayer = document.createElementNS(SVG, "g");
let seen = { size_wh: [16, 9], faces: [] };

const editor = new ZoneEditor(at("canvas"), zones, {
  changed() { listZones(); drawFaces(); },
  drawing(on) {
    at("drawing").hidden = !on;
    at("new-zone").hidden = on;
    if (!on) at("new-zone").focus();
  },
});
at("canvas").prepend(faceLayer);

const fields = {
  zones: () => zones,
  minimum_face: () => Number(at("minimum_face").value),
  face_score: () => Number(at("face_score").value),
  hours: () => at("hours").value.split("\n").map((line) => line.trim()).filter(Boolean),
  name: () => at("name").value.trim(),
  source: () => at("source").value.trim(),
  transport: () => at("transport").value,
  timeout_seconds: () => Number(at("timeout_seconds").value),
  analysis_fps: () => (at("analysis_fps").value ? Number(at("analysis_fps").value) : null),
};
const read = () => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value())]));
let saved = read();

// Zones as text, which is one more way to change them
function listZones() {
  at("zone-list").replaceChildren(...zones.map((zone, number) => {
    const item = document.createElement("li");
    item.className = "row";
    const label = document.createElement("label");
    label.textContent = `Zone ${number + 1}`;
    label.htmlFor = `zone-${number}`;
    const text = document.createElement("input");
    text.id = label.htmlFor;
    text.value = zone.map((point) => point.join(",")).join("  ");
    text.setAttribute("aria-label", `Corners of zone ${number + 1}: x,y of each, from 0 to 1`);
    text.addEventListener("change", () => {
      const points = parse(text.value);
      text.setCustomValidity(points ? "" : "Three corners or more, each x,y from 0 to 1: 0.1,0.2  0.9,0.2  0.5,0.8");
      if (points) editor.replace(number, points);
      else text.reportValidity();
    });
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove zone ${number + 1}`);
    remove.addEventListener("click", () => { editor.remove(number); at("new-zone").focus(); });
    item.append(label, text, remove);
    return item;
  }));
}

function parse(text) {
  const points = text.trim().split(/[\s;]+/).map((pair) => pair.split(",").map(Number));
  const isFine = points.length >= 3 && points.every((point) => point.length === 2 && point.every((v) => v >= 0 && v <= 1));
  return isFine ? points : null;
}

// The faces of the moment, and whether each would count
function judge(face) {
  const [x1, y1, x2, y2] = face.box_xyxy;
  const [width, height] = seen.size_wh;
  const middle = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height];
  if (face.score < fields.face_score()) return "weak";
  if (face.side < fields.minimum_face()) return "small";
  if (zones.length && !zones.some((zone) => contains(zone, middle))) return "outside";
  return "counts";
}

function drawFaces() {
  const kinds = seen.faces.map(judge);
  faceLayer.replaceChildren(...seen.faces.map((face, place) => {
    const box = document.createElementNS(SVG, "rect");
    const [x1, y1, x2, y2] = face.box_xyxy;
    const values = { class: `face ${kinds[place]}`, x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
    for (const [name, value] of Object.entries(values)) box.setAttribute(name, value);
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${Math.round(face.side)} pixels, score ${face.score.toFixed(2)}`;
    box.append(title);
    return box;
  }));
  const of = (kind) => kinds.filter((other) => other === kind).length;
  const left = [[of("small"), "too small"], [of("weak"), "with too low a score"], [of("outside"), "outside the zones"]];
  const words = left.filter(([number]) => number).map(([number, why]) => `${number} ${why}`);
  at("seen").textContent = `${count(seen.faces.length, "face")} in the picture: ${[`${of("counts")} would count`, ...words].join(", ")}.`;
}

function sayThresholds() {
  at("minimum_face-said").textContent = `${at("minimum_face").value} pixels`;
  at("face_score-said").textContent = Number(at("face_score").value).toFixed(2);
  drawFaces();
}

async function refresh() {
  try {
    if (!document.hidden) {
      seen = await ask(`${address}/faces`);
      const [width, height] = seen.size_wh;
      if (at("canvas").getAttribute("viewBox") !== `0 0 ${width} ${height}`) editor.resize(width, height);
      const picture = new Image();
      picture.src = `${form.dataset.picture}?overlay=false&at=${Date.now()}`;
      await picture.decode();
      at("picture").src = picture.src; // decoded already: it does not flicker
      drawFaces();
    }
  } catch (error) {
    at("seen").textContent = error.message ?? "There is no picture at present.";
  }
  setTimeout(refresh, REFRESH_MS);
}

at("new-zone").addEventListener("click", () => editor.begin());
at("finish").addEventListener("click", () => editor.finish());
at("cancel").addEventListener("click", () => editor.cancel());
for (const name of ["minimum_face", "face_score"]) at(name).addEventListener("input", sayThresholds);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const now = read();
  const body = Object.fromEntries(Object.keys(fields).filter((name) => now[name] !== saved[name]).map((name) => [name, JSON.parse(now[name])]));
  const report = at("report");
  event.submitter.disabled = true;
  try {
    say(report, "Saving…");
    const found = await ask(address, { method: "PUT", body });
    saved = now;
    if (body.name) location.assign(`/cameras/edit?name=${encodeURIComponent(body.name)}`);
    say(report, changes(found), "good");
  } catch (error) {
    problem(report, error);
  } finally {
    event.submitter.disabled = false;
  }
});

at("test").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  say(at("report"), "Watching it for five seconds, as it was saved last…");
  try {
    findings(at("report"), await ask(`${address}/probe`, { method: "POST" }));
  } catch (error) {
    problem(at("report"), error);
  } finally {
    button.disabled = false;
  }
});

listZones();
sayThresholds();
refresh();
