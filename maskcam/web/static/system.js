// What admins do on the page of the system: reload, make and revoke tokens, log others out.
import { ask } from "./server.js";
import { changes, say } from "./reports.js";

const at = (id) => document.getElementById(id);

function complain(error) {
  at("accounts-problem").textContent = error.message;
  at("accounts-problem").hidden = false;
}

at("reload").addEventListener("click", async () => {
  const report = at("reload-report");
  at("reload").disabled = true;
  try {
    say(report, changes(await ask("/api/v1/reload", { method: "POST" })).replace("Saved", "Read"), "good");
  } catch (error) {
    say(report, `${error.message} Everything goes on as before.`, "bad");
  } finally {
    at("reload").disabled = false;
  }
});

at("new-token").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, role, days } = event.currentTarget.elements;
  const body = { name: name.value.trim(), role: role.value, days: days.value ? Number(days.value) : null };
  try {
    const made = await ask("/api/v1/tokens", { method: "POST", body });
    at("secret-text").textContent = made.token;
    at("secret").hidden = false;
    at("new-token").hidden = true;
    at("copied").focus();
  } catch (error) {
    complain(error);
  }
});

at("copied").addEventListener("click", () => location.reload());

for (const button of document.querySelectorAll("[data-revoke]")) {
  button.addEventListener("click", async () => {
    if (button.dataset.sure === undefined) { // the second click does it
      button.dataset.sure = "";
      button.textContent = "Sure?";
      return;
    }
    try {
      await ask(button.dataset.revoke, { method: "DELETE" });
      location.reload();
    } catch (error) {
      complain(error);
    }
  });
}
