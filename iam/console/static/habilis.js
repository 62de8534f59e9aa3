// Comfort only: every page works without it.
(() => {
  "use strict";

  const RELEASE_AFTER = 10000;

  const focusErrors = (root) => {
    const summary = root.querySelector("[data-errors]");
    if (summary) summary.focus();
    return Boolean(summary);
  };

  // A link of the summary leads into the field, not only to its place on the page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-errors] a[href^='#']");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    field.scrollIntoView({ block: "center" });
    const inside = field.matches("fieldset") ? field.querySelector("input") : field;
    (inside || field).focus({ preventScroll: true });
  });

  // A double click does it once.
  const release = (form) => {
    delete form.dataset.sent;
    form.querySelectorAll("button[aria-disabled]").forEach((b) => b.removeAttribute("aria-disabled"));
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    if ((form.getAttribute("method") || "get").toLowerCase() !== "post") return;
    form.dataset.sent = "1";
    form.querySelectorAll("button:not([type=button])").forEach((b) => b.setAttribute("aria-disabled", "true"));
    setTimeout(() => release(form), RELEASE_AFTER);
  }, true);
  document.addEventListener("htmx:finally:request", () => {
    document.querySelectorAll("form[data-sent]").forEach(release);
  });

  // What htmx changed is told to those who do not see it.
  const live = document.getElementById("hb-live");
  document.addEventListener("htmx:after:swap", (event) => {
    if (focusErrors(document)) return;
    const target = event.detail?.ctx?.target;
    const changed = target instanceof Element && target.isConnected ? target : document;
    const said = changed.closest?.("[data-announce]") || changed.querySelector("[data-announce]");
    if (live && said) live.textContent = said.dataset.announce || said.textContent.trim();
  });

  // Text to hand on.
  document.querySelectorAll("[data-copy]").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      if (live) live.textContent = button.dataset.copied;
      button.textContent = button.dataset.copied;
    });
  });

  // A log-out in one tab empties the others.
  const loggedIn = document.body.hasAttribute("data-logged-in");
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("habilis-session") : null;
  const empty = () => {
    const ended = document.getElementById("hb-ended");
    if (!loggedIn || !ended) return;
    document.querySelectorAll("main, .hb-context, .hb-nav, .hb-person").forEach((part) => part.remove());
    document.title = "Mon Espace";
    ended.hidden = false;
  };
  if (channel) channel.addEventListener("message", (event) => { if (event.data === "logged-out") empty(); });
  const tell = () => { if (channel) channel.postMessage("logged-out"); };
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-logout]")) tell();
  });
  if (document.body.hasAttribute("data-logged-out")) tell();

  // A page from the browser's memory is asked for again: the session may have ended meanwhile.
  window.addEventListener("pageshow", (event) => {
    document.querySelectorAll("form[data-sent]").forEach(release);
    if (event.persisted && loggedIn) window.location.reload();
  });

  focusErrors(document);
})();
