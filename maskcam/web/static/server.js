// Talking with the server: requests, and what it tells by itself.

// Answers of the API. A failure is an Error whose message is one sentence for people.
export async function ask(address, { method = "GET", body } = {}) {
  let answer;
  try {
    answer = await fetch(address, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error("maskcam does not answer: check that it runs, and try again.");
  }
  if (answer.status === 401) {
    location.assign("/login");
    throw new Error("Log in again.");
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(said?.error ?? `maskcam answered with an error (${answer.status}).`);
  if (said === null) throw new Error("maskcam gave an answer that makes no sense: reload the page.");
  return said;
}

// Calls `hear[name](data)` for events of the stream; see maskcam/web/__init__.py for their names. The browser connects
// again by itself, unless it was sent away: then the page does.
export function listen(hear) {
  const offline = document.getElementById("offline");
  let source;
  let retry;
  function open() {
    source = new EventSource("/api/v1/stream");
    for (const name of Object.keys(hear)) {
      source.addEventListener(name, (event) => hear[name](JSON.parse(event.data)));
    }
    source.addEventListener("open", () => { offline.hidden = true; });
    source.addEventListener("error", () => {
      offline.hidden = false;
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(retry);
      retry = setTimeout(async () => {
        await ask("/api/v1/me").catch(() => null); // goes to the login page where the session is over
        open();
      }, 3000);
    });
  }
  open();
  // a connection left open would keep the page from being kept for the way back
  addEventListener("pagehide", () => { clearTimeout(retry); source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
}

// Tells people who do not see the page what has changed on it.
export function announce(sentence) {
  document.getElementById("announcements").textContent = sentence;
}
