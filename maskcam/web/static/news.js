// The latest violations beside the live wall, and the sound that tells of a new one.
import { announce, ask } from "./server.js";
import { STATUSES, statusPlate, timeOfDay } from "./words.js";

const most = 12;
const storedAfterSeconds = 0.6; // the event store has a violation within half a second

export class News {
  constructor() {
    this.list = document.getElementById("news");
    this.items = new Map(); // by id of the event
    this.sound = new Sound(document.getElementById("sound"));
  }

  hear(violation) {
    if (violation.phase === "started") {
      announce(`${STATUSES[violation.status]} at ${violation.camera}`);
      this.sound.ring();
    }
    clearTimeout(this.due);
    this.due = setTimeout(() => this.load({ isFresh: true }), 1000 * storedAfterSeconds);
  }

  async load({ isFresh = false } = {}) {
    let events;
    try {
      ({ events } = await ask(`/api/v1/events?limit=${most}`));
    } catch {
      return; // said at the top of the page; the next news tries again
    }
    const before = this.items;
    this.items = new Map(events.map((event) => {
      const item = before.get(event.id) ?? document.createElement("li");
      if (item.dataset.updated !== event.updated_at + event.is_false_alarm) fill(item, event);
      if (isFresh && !before.has(event.id)) item.firstElementChild.classList.add("fresh");
      return [event.id, item];
    }));
    // items that stay are not taken out of the page, so that whoever has moved to one by keyboard stays there
    for (const [id, item] of before) if (!this.items.has(id)) item.remove();
    let place = this.list.firstElementChild;
    for (const item of this.items.values()) {
      if (item === place) place = place.nextElementSibling;
      else this.list.insertBefore(item, place);
    }
    document.getElementById("quiet").hidden = events.length > 0;
  }
}

function fill(item, event) {
  item.dataset.updated = event.updated_at + event.is_false_alarm;
  const link = item.firstElementChild ?? document.createElement("a");
  link.className = "card";
  link.href = `/violations/${event.id}`;
  const face = document.createElement(event.face_url ? "img" : "span");
  face.className = "face";
  if (event.face_url) {
    face.src = `${event.face_url}?${encodeURIComponent(event.updated_at)}`;
    face.alt = "";
  }
  const words = document.createElement("span");
  const when = document.createElement("span");
  when.className = "soft";
  when.textContent = `${timeOfDay(event.started_at)}, ${event.camera}`;
  const note = document.createElement("span");
  note.className = "soft";
  note.textContent = event.is_false_alarm ? "marked as false alarm" : event.ended_at === null ? "going on" : "";
  words.append(statusPlate(event.status), when, note);
  link.replaceChildren(face, words);
  if (!link.parentNode) item.append(link);
}

// Two short notes, if somebody has asked for them.
class Sound {
  constructor(button) {
    this.button = button;
    button.addEventListener("click", () => {
      this.set(!this.isOn);
      if (this.isOn) this.ring();
    });
    this.set(localStorage.getItem("sound") === "on");
  }

  set(isOn) {
    this.isOn = isOn;
    localStorage.setItem("sound", isOn ? "on" : "off");
    this.button.setAttribute("aria-pressed", isOn);
    this.button.textContent = isOn ? "Sound on" : "Sound off";
  }

  ring() {
    if (!this.isOn) return;
    this.context ??= new AudioContext();
    this.context.resume(); // browsers stay silent until the page has been clicked once
    const now = this.context.currentTime;
    for (const [delay, pitch] of [[0, 660], [0.16, 880]]) {
      const tone = new OscillatorNode(this.context, { frequency: pitch });
      const volume = new GainNode(this.context, { gain: 0 });
      volume.gain.setTargetAtTime(0.12, now + delay, 0.01);
      volume.gain.setTargetAtTime(0, now + delay + 0.1, 0.04);
      tone.connect(volume).connect(this.context.destination);
      tone.start(now + delay);
      tone.stop(now + delay + 0.4);
    }
  }
}
