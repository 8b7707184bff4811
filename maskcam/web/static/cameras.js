// The list of cameras: test and remove each, add another, and set what is a violation.
import { ask } from "./server.js";
import { changes, findings, problem, say } from "./reports.js";

const at = (id) => document.getElementById(id);
const address = (name) => `/api/v1/cameras/${encodeURIComponent(name)}`;

async function busy(button, report, words, work) {
  button.disabled = true;
  say(report, words);
  try {
    await work();
  } catch (error) {
    problem(report, error);
  } finally {
    button.disabled = false;
  }
}

async function sure(name) {
  const dialog = at("sure");
  at("sure-title").textContent = `Remove ${name}?`;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => { dialog.addEventListener("close", done, { once: true }); });
  return dialog.returnValue === "yes";
}

for (const tile of document.querySelectorAll(".tile")) {
  const { name } = tile.dataset;
  const report = tile.querySelector(".report");
  tile.querySelector("[data-do=test]").addEventListener("click", (event) => {
    busy(event.currentTarget, report, "Watching it for five seconds…", async () => {
      findings(report, await ask(`${address(name)}/probe`, { method: "POST" }));
    });
  });
  tile.querySelector("[data-do=remove]").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    if (!await sure(name)) return;
    busy(button, report, "Removing it…", async () => {
      await ask(address(name), { method: "DELETE" });
      location.reload();
    });
  });
}

at("try").addEventListener("click", (event) => {
  const form = at("add");
  if (!form.source.reportValidity()) return;
  busy(event.currentTarget, at("add-report"), "Watching it for five seconds…", async () => {
    const body = { source: form.source.value.trim(), transport: form.transport.value };
    findings(at("add-report"), await ask("/api/v1/cameras/probe", { method: "POST", body }));
  });
});

at("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const body = { name: form.elements.name.value.trim(), source: form.source.value.trim(), transport: form.transport.value };
  busy(event.submitter, at("add-report"), "Adding it…", async () => {
    await ask("/api/v1/cameras", { method: "POST", body });
    location.assign(`/cameras/edit?name=${encodeURIComponent(body.name)}`);
  });
});

at("violations").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = Object.fromEntries([...new FormData(event.currentTarget)].map(([key, value]) => [key, Number(value)]));
  busy(event.submitter, at("violations-report"), "All cameras start anew…", async () => {
    const found = await ask("/api/v1/settings/violations", { method: "PUT", body });
    say(at("violations-report"), changes(found), "good");
  });
});
