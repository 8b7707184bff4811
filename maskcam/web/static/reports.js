// What the server says of a test or a change, in words for people.
import { count } from "./words.js";

export function say(element, sentence, kind = "") {
  element.replaceChildren(line("p", sentence, kind && `note ${kind}`));
}

export function problem(element, error) {
  say(element, error.message, "bad");
}

// The answer of a probe: what the camera gives, and what to change
export function findings(element, report) {
  const { video, pictures, latency } = report;
  const facts = [];
  if (video.sizes_wh?.length) facts.push(["Picture", video.sizes_wh.map((size) => size.join(" × ")).join(", then ")]);
  if (video.codec) facts.push(["Codec", [video.codec, video.profile].filter(Boolean).join(" ")]);
  if (video.measured_fps) facts.push(["Rate", `${video.measured_fps.toFixed(1)} pictures per second`]);
  facts.push(["Pictures", `${pictures.decoded} clean, ${pictures.corrupt} damaged`]);
  if (latency.first_picture_seconds) facts.push(["First picture after", count(latency.first_picture_seconds.toFixed(1), "second")]);
  const list = document.createElement("dl");
  list.className = "facts";
  for (const [name, value] of facts) list.append(line("dt", name), line("dd", value));
  const isFine = !report.failure && report.advice.length === 0;
  const verdict = report.failure ?? (isFine ? "It works, and there is nothing to change." : "It works; this could be better:");
  const advice = document.createElement("ul");
  for (const sentence of report.advice) advice.append(line("li", sentence));
  element.replaceChildren(line("p", verdict, `note ${report.failure ? "bad" : isFine ? "good" : ""}`), advice, list);
}

// What a change of the configuration meant
export function changes(found) {
  if (found.restarts) return "Saved. All cameras have started anew.";
  const parts = [
    [found.added, "is watched from now on"], [found.removed, "is watched no longer"],
    [found.reconnected, "is connected anew"], [found.adjusted, "goes by it already, without a new connection"],
  ].filter(([names]) => names.length).map(([names, what]) => `${names.join(", ")} ${what}`);
  if (!parts.length) return "Saved. Nothing was different.";
  const others = found.unchanged.length ? ` ${found.unchanged.join(", ")} went on undisturbed.` : "";
  return `Saved: ${parts.join("; ")}.${others}`;
}

function line(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}
