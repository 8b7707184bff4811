// Keeps the page of sites up to date.
import { showTimes } from "./words.js";

const everySeconds = 10;
const offline = document.getElementById("offline");
let shown = document.getElementById("sites").innerHTML;
showTimes(document);

setInterval(async () => {
  let answer;
  try {
    answer = await fetch(location.href);
  } catch {
    offline.hidden = false;
    return;
  }
  if (answer.redirected) { // the session is over
    location.reload();
    return;
  }
  offline.hidden = answer.ok;
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("sites");
  if (fresh === null || fresh.innerHTML === shown) return;
  shown = fresh.innerHTML;
  const focused = document.activeElement?.getAttribute("href");
  document.getElementById("sites").replaceWith(fresh);
  showTimes(fresh);
  if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}, 1000 * everySeconds);
