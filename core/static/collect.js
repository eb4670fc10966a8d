// Cooee on the pages of a shop: tells what a visitor who came from a text looks at.  See docs/sources.md.
//
//   <script src="https://cooee.example/t/TOKEN.js" defer></script>
//   cooee("consent", true)                      nothing is kept or sent before this
//   cooee("person", "…")                        hash of the number, made by your server
//   cooee("track", "view", {item: "SKU1", category: "Shoes"})
(function () {
  "use strict";
  var script = document.currentScript;
  if (!script || window.cooee) return;
  var endpoint = script.src.replace(/\.js(\?.*)?$/, "");
  var KEEP = "cooee_code";
  var allowed = script.dataset.consent === "granted";
  var person = script.dataset.person || "";
  var code = new URLSearchParams(location.search).get("cooee") || "";
  var waiting = [];

  function refused() {
    return navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
  }
  function kept(value) {
    try {
      if (value === null) localStorage.removeItem(KEEP);
      else if (value) localStorage.setItem(KEEP, value);
      return localStorage.getItem(KEEP) || "";
    } catch (error) {
      return "";
    }
  }
  function send() {
    if (!allowed || refused() || !waiting.length) return;
    code = code || kept();
    if (!code && !person) return;
    kept(code);
    var body = JSON.stringify({ code: code, person: person, events: waiting.splice(0, 20) });
    // text/plain needs no question beforehand, and a beacon outlives the page.
    if (!navigator.sendBeacon || !navigator.sendBeacon(endpoint, body)) {
      fetch(endpoint, { method: "POST", body: body, keepalive: true, mode: "no-cors" });
    }
  }
  window.cooee = function (command, what, more) {
    if (command === "consent") {
      allowed = what === true;
      if (!allowed) {
        kept(null);
        waiting = [];
      }
    } else if (command === "person") {
      person = String(what || "");
    } else if (command === "track") {
      if (waiting.length < 20) waiting.push(Object.assign({}, more, { type: what, at: Date.now() }));
    }
    send();
  };
  if (script.dataset.views !== "off") {
    window.cooee("track", "view", {
      item: script.dataset.item || location.pathname,
      category: script.dataset.category || "",
    });
  }
})();
