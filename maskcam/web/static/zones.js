// Polygons over a picture, drawn and changed with mouse, finger or keyboard. Points are [x, y] in [0, 1].
const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.01;
const LEAP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const bound = (value) => Math.min(1, Math.max(0, Math.round(10000 * value) / 10000));

export class ZoneEditor {
  // `changed()` is called whenever the zones are others, `drawing(on)` when a new one is begun or is done with.
  constructor(canvas, zones, { changed, drawing }) {
    this.canvas = canvas;
    this.zones = zones;
    this.changed = changed;
    this.drawing = drawing;
    this.draft = null; // corners of a zone that is being drawn
    this.cross = [0.5, 0.5];
    this.size = [1000, 562];
    this.layer = canvas.appendChild(document.createElementNS(SVG, "g"));
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  // The picture's width and height, so that handles are round
  resize(width, height) {
    this.size = [width, height];
    this.canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.draw();
  }

  begin() {
    this.draft = [];
    this.cross = [0.5, 0.5];
    this.canvas.focus();
    this.drawing(true);
    this.draw();
  }

  finish() {
    if (!this.draft || this.draft.length < 3) return;
    this.zones.push(this.draft);
    this.#stop();
    this.changed();
  }

  cancel() {
    this.#stop();
  }

  remove(number) {
    this.zones.splice(number, 1);
    this.#update();
  }

  replace(number, points) {
    this.zones[number] = points;
    this.#update();
  }

  draw() {
    const focused = this.layer.querySelector(":focus")?.dataset.at;
    this.layer.replaceChildren();
    this.zones.forEach((zone, number) => this.#drawZone(zone, number));
    if (this.draft) this.#drawDraft();
    if (focused) this.layer.querySelector(`[data-at="${focused}"]`)?.focus();
  }

  #drawZone(zone, number) {
    this.#add("polygon", { class: "zone", points: this.#points(zone) });
    zone.forEach(([x, y], place) => {
      const [nextX, nextY] = zone[(place + 1) % zone.length];
      this.#handle("middle", (x + nextX) / 2, (y + nextY) / 2, 0.6, { "data-edge": `${number}.${place}` });
    });
    zone.forEach(([x, y], place) => this.#handle("corner", x, y, 1, {
      "data-at": `${number}.${place}`, tabindex: 0, role: "button",
      "aria-label": `Zone ${number + 1}, corner ${place + 1}: ${Math.round(100 * x)}% from the left, ${Math.round(100 * y)}% from the top`,
    }));
  }

  #drawDraft() {
    this.#add("polyline", { class: "zone draft", points: this.#points(this.draft) });
    this.draft.forEach(([x, y], place) => this.#handle("corner", x, y, 1, { "data-draft": place }));
    const [x, y] = [this.cross[0] * this.size[0], this.cross[1] * this.size[1]];
    const arm = this.size[0] / 40;
    this.#add("path", { class: "aim", d: `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}` });
  }

  #handle(className, x, y, scale, attributes) {
    const radius = scale * this.size[0] * 10 / (this.canvas.clientWidth || 640); // about 10 pixels on the screen
    this.#add("circle", { class: className, cx: x * this.size[0], cy: y * this.size[1], r: radius, ...attributes });
  }

  #add(tag, attributes) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    this.layer.append(made);
  }

  #points(zone) {
    return zone.map(([x, y]) => `${x * this.size[0]},${y * this.size[1]}`).join(" ");
  }

  #where(event) {
    const box = this.canvas.getBoundingClientRect();
    return [bound((event.clientX - box.left) / box.width), bound((event.clientY - box.top) / box.height)];
  }

  #press(event) {
    if (event.button !== 0) return;
    const { at, edge, draft } = event.target.dataset;
    if (this.draft) {
      event.preventDefault();
      if (draft === "0" && this.draft.length >= 3) return void this.finish();
      this.cross = this.#where(event);
      this.draft.push(this.cross);
      this.canvas.focus();
      this.draw();
    } else if (at || edge) {
      event.preventDefault();
      let [number, place] = (at ?? edge).split(".").map(Number);
      if (edge) this.zones[number].splice(++place, 0, this.#where(event));
      this.#drag(event, number, place);
    }
  }

  #drag(event, number, place) {
    const move = (moved) => { this.zones[number][place] = this.#where(moved); this.draw(); };
    const stop = () => {
      this.canvas.removeEventListener("pointermove", move);
      this.changed();
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, stop, { once: true });
    this.draw();
    this.layer.querySelector(`[data-at="${number}.${place}"]`)?.focus();
  }

  #key(event) {
    const direction = ARROWS[event.key];
    const step = event.shiftKey ? LEAP : STEP;
    const shift = ([x, y]) => [bound(x + step * direction[0]), bound(y + step * direction[1])];
    const at = event.target.dataset.at?.split(".").map(Number);
    if (this.draft) {
      if (direction) this.cross = shift(this.cross);
      else if (event.key === " ") this.draft.push(this.cross);
      else if (event.key === "Backspace" || event.key === "Delete") this.draft.pop();
      else if (event.key === "Enter") this.finish();
      else if (event.key === "Escape") this.cancel();
      else return;
      event.preventDefault();
      this.draw();
    } else if (at) {
      const [number, place] = at;
      const zone = this.zones[number];
      if (direction) zone[place] = shift(zone[place]);
      else if (event.key === "+" || event.key === "Insert") zone.splice(place + 1, 0, middle(zone[place], zone[(place + 1) % zone.length]));
      else if ((event.key === "Delete" || event.key === "Backspace") && zone.length > 3) zone.splice(place, 1);
      else if (event.key === "Escape") return this.canvas.focus();
      else return;
      event.preventDefault();
      this.#update();
    }
  }

  #stop() {
    this.draft = null;
    this.drawing(false);
    this.draw();
  }

  #update() {
    this.draw();
    this.changed();
  }
}

function middle([x, y], [otherX, otherY]) {
  return [bound((x + otherX) / 2), bound((y + otherY) / 2)];
}

// Whether a place lies in a polygon: a ray to the right crosses its sides an odd number of times
export function contains(zone, [x, y]) {
  let isIn = false;
  zone.forEach(([x1, y1], place) => {
    const [x2, y2] = zone[(place + 1) % zone.length];
    if ((y1 > y) !== (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1) isIn = !isIn;
  });
  return isIn;
}
