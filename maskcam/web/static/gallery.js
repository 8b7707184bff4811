// The gallery: what is asked for stands in the address of the page, and new violations come to the top by themselves.
import { announce, ask, listen } from "./server.js";
import { STATUSES, count, duration, statusPlate, timeOfDay } from "./words.js";

const pageSize = 24;
const storedAfterSeconds = 0.6; // the event store has a violation within half a second
const sitesSeconds = 10; // what other sites forward is not told by the stream
const hours = { "1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24 };

const form = document.getElementById("filters");
const list = document.getElementById("gallery");
const more = document.getElementById("more");
const items = new Map(); // by id of the event, newest first
let query = new URLSearchParams(); // for the API
let cursor = null;
let asked = 0; // so that an answer to what is no longer asked is not shown

function fromAddress() {
  const wanted = new URLSearchParams(location.search);
  for (const element of form.elements) {
    if (!element.name) continue;
    const value = wanted.get(element.name) ?? "";
    if (element.type === "checkbox") {
      element.checked = value === "1";
      continue;
    }
    if (element.name === "camera" && value && ![...element.options].some((option) => option.value === value)) {
      element.add(new Option(value)); // of the past
    }
    element.value = value;
  }
}

function toAddress() {
  const isBetween = form.last.value === "between";
  const given = [...new FormData(form)]
    .filter(([name, value]) => value && (isBetween || (name !== "from" && name !== "to")));
  const text = new URLSearchParams(given).toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
  document.getElementById("clear").hidden = !text;
}

function toQuery() {
  const wanted = new URLSearchParams();
  const last = form.last.value;
  if (form.site?.value) wanted.set("site", form.site.value);
  if (form.camera.value) wanted.set("camera", form.camera.value);
  if (form.status.value) wanted.set("status", form.status.value);
  if (last in hours) wanted.set("since", new Date(Date.now() - 3600e3 * hours[last]).toISOString());
  if (last === "between" && form.from.value) wanted.set("since", new Date(form.from.value).toISOString());
  if (last === "between" && form.to.value) wanted.set("until", new Date(form.to.value).toISOString());
  if (form.alarms.value) wanted.set("is_false_alarm", form.alarms.value === "only");
  if (form.protected.checked) wanted.set("is_protected", true);
  if (form.open.checked) wanted.set("is_open", true);
  return wanted;
}

async function fetchPage(after) {
  const wanted = new URLSearchParams(query);
  wanted.set("limit", pageSize);
  if (after) wanted.set("cursor", after);
  return ask(`/api/v1/events?${wanted}`);
}

function showProblem(sentence) {
  const problem = document.getElementById("problem");
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

function showCount() {
  const said = items.size === 0 ? "" : cursor === null ? count(items.size, "violation")
    : `The newest ${count(items.size, "violation")}; there are more`;
  document.getElementById("count").textContent = said;
  more.hidden = cursor === null;
  const empty = document.getElementById("empty");
  empty.hidden = items.size > 0;
  empty.textContent = location.search ? "No violation fits these filters. New ones that do appear here by themselves."
    : "No violation so far. New ones appear here by themselves.";
}

// Loads from the newest on.
async function load() {
  const mine = ++asked;
  query = toQuery();
  list.setAttribute("aria-busy", "true");
  try {
    const { events, next_cursor: next } = await fetchPage();
    if (mine !== asked) return;
    items.clear();
    list.replaceChildren();
    cursor = next;
    for (const event of events) list.append(item(event));
    showProblem("");
    showCount();
  } catch (error) {
    if (mine === asked) showProblem(error.message);
  } finally {
    if (mine === asked) list.removeAttribute("aria-busy");
  }
}

async function loadMore() {
  const mine = asked;
  const before = items.size;
  more.disabled = true;
  try {
    const { events, next_cursor: next } = await fetchPage(cursor);
    if (mine !== asked) return;
    cursor = next;
    for (const event of events) if (!items.has(event.id)) list.append(item(event));
    showProblem("");
    showCount();
    list.children[before]?.querySelector("a").focus({ preventScroll: true }); // where one goes on reading
  } catch (error) {
    showProblem(error.message);
  } finally {
    more.disabled = false;
  }
}

// Brings what has changed among the newest into the list, and leaves the rest alone.
async function refresh() {
  const mine = asked;
  let events;
  try {
    ({ events } = await fetchPage());
  } catch {
    return; // said at the top of the page; the next news tries again
  }
  if (mine !== asked) return;
  const ids = new Set(events.map((event) => event.id));
  const reach = events.length < pageSize ? "" : events.at(-1).started_at;
  for (const [id, element] of items) {
    if (!ids.has(id) && element.dataset.started > reach) { // deleted, or no longer what is asked for
      items.delete(id);
      element.remove();
    }
  }
  let place = list.firstElementChild;
  let fresh = 0;
  for (const event of events) {
    const known = items.get(event.id);
    const element = item(event);
    if (known) {
      if (known === place) place = place.nextElementSibling;
    } else {
      fresh += 1;
      list.insertBefore(element, place);
      element.firstElementChild.classList.add("fresh");
    }
  }
  showCount();
  if (fresh > 0) announce(`${count(fresh, "new violation")}: ${STATUSES[events[0].status]} at ${events[0].camera}`);
}

// The entry of an event, made or brought up to date.
function item(event) {
  const element = items.get(event.id) ?? document.createElement("li");
  items.set(event.id, element);
  const version = JSON.stringify(event);
  if (element.dataset.version === version) return element;
  element.dataset.version = version;
  element.dataset.started = event.started_at;
  const link = element.firstElementChild ?? document.createElement("a");
  link.className = "card";
  link.href = `/violations/${event.id}${query.size ? `?${query}` : ""}`;
  link.replaceChildren(thumbnail(event), caption(event));
  if (!link.parentNode) element.append(link);
  return element;
}

function thumbnail(event) {
  const thumb = document.createElement("div");
  thumb.className = "thumb";
  if (!event.snapshot_url) {
    const none = document.createElement("span");
    none.className = "none";
    none.textContent = "No picture";
    thumb.append(none);
    return thumb;
  }
  const version = encodeURIComponent(event.updated_at); // the best view may be replaced by a better one
  for (const [kind, address] of [["frame", event.snapshot_url], ["face", event.face_url]]) {
    const picture = document.createElement("img");
    picture.className = kind;
    picture.loading = "lazy";
    picture.decoding = "async";
    picture.alt = "";
    picture.src = `${address}?${version}`;
    thumb.append(picture);
  }
  return thumb;
}

function caption(event) {
  const root = document.createElement("div");
  root.className = "caption";
  const top = document.createElement("div");
  top.className = "row";
  top.append(statusPlate(event.status));
  for (const [isOn, words] of [[event.is_protected, "Protected"], [event.is_false_alarm, "False alarm"]]) {
    if (!isOn) continue;
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.textContent = words;
    top.append(mark);
  }
  const when = document.createElement("time");
  when.dateTime = event.started_at;
  when.textContent = timeOfDay(event.started_at);
  const rest = document.createElement("span");
  rest.className = "soft";
  const lasted = event.duration_seconds === null ? "going on" : duration(event.duration_seconds);
  rest.textContent = `${event.camera}, ${lasted}${event.clip_url ? ", clip" : ""}`;
  root.append(top, when, rest);
  return root;
}

function change() {
  for (const field of form.querySelectorAll(".between-times")) field.hidden = form.last.value !== "between";
  toAddress();
  load();
}

let due;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", change);
more.addEventListener("click", loadMore);
addEventListener("popstate", () => { fromAddress(); change(); });
fromAddress();
change();
listen({
  numbers: () => {},
  violation: () => {
    clearTimeout(due);
    due = setTimeout(refresh, 1000 * storedAfterSeconds);
  },
});
if (form.site) setInterval(refresh, 1000 * sitesSeconds);
