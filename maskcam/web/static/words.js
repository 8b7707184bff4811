// How things are said. The statuses have the words and colours of the boxes in the picture (maskcam/overlay.py).
export const STATUSES = { mask: "Mask", no_mask: "No mask", incorrect: "Mask worn wrong", unsure: "Unsure" };

export const STATES = {
  connecting: "connecting", live: "live", stalled: "no picture lately", reconnecting: "lost, connecting again",
  failed: "failed", ended: "over",
};

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// 75.2 → "1 minute 15 seconds"
export function duration(seconds) {
  if (seconds < 10) return count(Math.round(seconds * 10) / 10, "second");
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), "hour"], [Math.floor(whole / 60) % 60, "minute"], [whole % 60, "second"],
  ].filter(([number]) => number > 0);
  return parts.slice(0, 2).map(([number, unit]) => count(number, unit)).join(" ");
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export function clockTime(when) {
  return clock.format(new Date(when));
}

// "14:03:12" today, "Yesterday 14:03:12", "4 May 2026, 14:03:12" earlier
export function timeOfDay(when, now = new Date()) {
  const then = new Date(when);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  if (then >= midnight) return clock.format(then);
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return then >= yesterday ? `Yesterday ${clock.format(then)}` : `${date.format(then)}, ${clock.format(then)}`;
}

// <time datetime="…">: written in the reader's zone; with data-clock without the day
export function showTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const when = element.getAttribute("datetime");
    element.textContent = "clock" in element.dataset ? clockTime(when) : timeOfDay(when);
    element.title = new Date(when).toLocaleString();
  }
}

// A plate with the words of a status, and a number where one is given
export function statusPlate(status, number = null) {
  const plate = document.createElement("span");
  plate.className = "status";
  plate.dataset.status = status;
  plate.textContent = number === null ? STATUSES[status] : `${STATUSES[status]} ${number}`;
  return plate;
}
