// Makes the pages better where scripts run; everything works without. No state but the page itself.
"use strict";
(() => {
  const main = document.getElementById("main");
  const say = (text) => { document.getElementById("announce").textContent = text; };

  // ---- Times: in the reader's own zone -------------------------------------------------------
  const pageZone = document.body.dataset.zone;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || pageZone;
  const shown = (date, seconds) => new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
    second: seconds ? "2-digit" : undefined, timeZoneName: "short", timeZone: zone,
  }).format(date);
  const localize = (root) => {
    if (zone === pageZone) return;
    for (const time of root.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      if (!isNaN(date)) time.textContent = shown(date, /:\d\d:\d\d/.test(time.textContent));
    }
  };

  // A local time as a field holds it; the moment that a field stands for, or why there is none.
  const two = (n) => String(n).padStart(2, "0");
  const local = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`
    + (d.getSeconds() ? `:${two(d.getSeconds())}` : "");
  const moment = (text) => {
    const date = new Date(text);
    if (isNaN(date)) return { problem: "This is not a date and time." };
    const plain = text.replace(/(T\d\d:\d\d):00(\.0+)?$/, "$1");
    if (local(date) !== plain) return { problem: `This time does not exist: clocks in ${zone} are put forward then.` };
    // Clocks are put back by an hour nearly everywhere, by half an hour on Lord Howe Island.
    const day = 864e5, offset = (at) => new Date(at).getTimezoneOffset() * 6e4;
    const shift = Math.abs(offset(+date - day) - offset(+date + day));
    if (shift && [shift, -shift].some((by) => local(new Date(+date + by)) === plain)) {
      return { problem: `This time happens twice: clocks in ${zone} are put back then. Choose one before or after.` };
    }
    return { iso: date.toISOString() };
  };

  // ---- The form ------------------------------------------------------------------------------
  const form = document.querySelector("form[data-notify]");
  if (form) {
    const fields = [...form.querySelectorAll("input[data-exact]")];
    for (const field of fields) {
      if (field.dataset.exact) field.value = local(new Date(field.dataset.exact));
    }
    for (const name of form.querySelectorAll("[data-zone-name]")) name.textContent = `${zone} (your zone)`;

    const closing = form.querySelector("[data-closing]");
    const follow = () => {
      if (closing) closing.hidden = closing.disabled = form.elements.status.value === "available";
      const repeat = form.elements.repeat && form.elements.repeat.value;
      const show = (mark, wanted) => { for (const one of form.querySelectorAll(`[data-${mark}]`)) one.hidden = !wanted; };
      if (repeat) { show("weekly", repeat === "weekly"); show("plain", repeat !== "other"); show("other", repeat === "other"); }
    };
    form.addEventListener("change", follow);
    follow();

    const search = form.querySelector("[data-search]");
    if (search) {
      search.hidden = false;
      search.querySelector("input").addEventListener("input", (event) => {
        const wanted = event.target.value.trim().toLowerCase();
        for (const label of form.querySelectorAll(".targets .check")) {
          const box = label.querySelector("input");
          const text = `${label.textContent} ${box.value}`.toLowerCase();
          label.hidden = !box.checked && !text.includes(wanted);
        }
      });
    }

    form.addEventListener("submit", (event) => {
      for (const field of fields) {
        const exact = form.elements[`${field.name}_exact`];
        field.setCustomValidity("");
        exact.value = "";
        if (!field.value || field.matches(":disabled")) continue;
        // What was not touched stays the moment that it is, which may have more digits than the field.
        if (field.dataset.exact && field.value === local(new Date(field.dataset.exact))) {
          exact.value = field.dataset.exact;
          continue;
        }
        const read = moment(field.value);
        if (read.problem) {
          field.setCustomValidity(read.problem);
          field.reportValidity();
          event.preventDefault();
          return;
        }
        exact.value = read.iso;
      }
    });
    for (const field of fields) field.addEventListener("input", () => field.setCustomValidity(""));
  }

  // A second click on a button that sends does nothing; the server would take it as a repeat anyway.
  for (const once of document.querySelectorAll("form[data-once]")) {
    once.addEventListener("submit", (event) => {
      // What is shown in a frame is not sent.
      if (event.submitter?.formTarget) return;
      if (once.dataset.sent) { event.preventDefault(); return; }
      once.dataset.sent = "1";
    });
    addEventListener("pageshow", () => { delete once.dataset.sent; });
  }

  // ---- The page that users will see, within a preview -----------------------------------------
  const first = main.querySelector(".shown [data-first]");
  if (first) {
    // The language that the frame shows is the button that is pressed.
    const languages = [...main.querySelectorAll(".shown button[name=page]")];
    for (const one of languages) one.addEventListener("click", () => {
      for (const other of languages) other.setAttribute("aria-pressed", other === one);
    });
    first.click();
    main.querySelector(".shown select")?.addEventListener("change", () => {
      languages.find((one) => one.getAttribute("aria-pressed") === "true")?.click();
    });
  }

  // ---- Receipts within the history -----------------------------------------------------------
  const page = async (address) => {
    const answer = await fetch(address, { headers: { "X-Forewarn-Refresh": "1" }, cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.redirected) { location.reload(); throw new Error("signed out"); }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };
  document.addEventListener("toggle", async (event) => {
    const details = event.target;
    if (!(details instanceof HTMLDetailsElement) || !details.dataset.receipt || !details.open) return;
    const place = details.querySelector(".receipt");
    if (place.firstChild) return;
    try {
      const table = (await page(details.dataset.receipt)).getElementById("receipt");
      if (table) {
        table.removeAttribute("id");
        localize(table);
        place.replaceChildren(table);
      }
    } catch { /* the link to it stays */ }
  }, true);

  // ---- The board's search ----------------------------------------------------------------------
  const find = document.querySelector("[data-find] input");
  const folds = () => main.querySelectorAll("details.fold");
  const filter = () => {
    const wanted = find ? find.value.trim().toLowerCase() : "";
    for (const one of main.querySelectorAll("[data-text]")) one.hidden = !one.dataset.text.includes(wanted);
    if (wanted) for (const fold of folds()) fold.open = true;
  };
  if (find) {
    // Without a search everything is there to be looked through.
    const everything = !new URLSearchParams(location.search).get("q");
    if (everything) find.addEventListener("input", filter);
  }

  // ---- Several at once, from the board ----------------------------------------------------------
  const bulk = document.getElementById("bulk");
  const count = () => {
    if (!bulk) return;
    const chosen = main.querySelectorAll("input[form=bulk]:checked").length;
    bulk.querySelector("[data-count]").textContent = chosen ? `${chosen} selected` : "What is selected";
    for (const button of bulk.querySelectorAll("button")) button.disabled = !chosen;
    bulk.hidden = !chosen;
  };
  if (bulk) {
    main.addEventListener("change", count);
    addEventListener("pageshow", count);
  }

  // ---- The calendar: arrows lead from plan to plan, by days and weeks --------------------------
  main.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    const day = step && event.target.closest(".calendar .day");
    if (!day) return;
    const days = [...main.querySelectorAll(".calendar .day")];
    for (let at = days.indexOf(day) + step; days[at]; at += step) {
      const link = days[at].querySelector("a");
      if (link && link.checkVisibility()) { link.focus(); event.preventDefault(); return; }
    }
  });

  // ---- A node that does not answer: said at the top of the page, within ten seconds -------------
  const alarm = document.getElementById("alarm");
  let lastHeard = new Date(), silent = false;
  const heardOf = () => {
    lastHeard = new Date();
    if (!silent) return;
    // A page that shows the present is right again when it has been refreshed, not before.
    if (main.hasAttribute("data-live")) soon(); else calm();
  };
  const calm = () => { silent = false; alarm.textContent = ""; };
  const unheard = () => {
    if (silent) return;
    silent = true;
    const since = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone }).format(lastHeard);
    alarm.textContent = `Node ${alarm.dataset.node} has not answered since ${since}. This page shows what was known then; it may be wrong now.`
      + (form ? " What you have typed stays here until the node answers." : "");
  };
  const ask = async () => {
    try {
      const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (answer.ok) heardOf(); else unheard();
    } catch { unheard(); }
  };
  if ("signedIn" in document.body.dataset) {
    let leaving = false;
    addEventListener("pagehide", () => { leaving = true; });
    addEventListener("pageshow", () => { leaving = false; });
    setInterval(() => { if (!document.hidden && !leaving) ask(); }, 4000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  }

  // ---- Pages that refresh themselves ---------------------------------------------------------
  const connection = document.getElementById("connection");
  const state = (text) => { if (connection) { connection.hidden = false; connection.textContent = text; } };
  let busy = false, again = false, timer = 0;
  // What is replaced: the part that lives, or else all of it.
  const live = (root) => root.querySelector("#live") || root;

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const fresh = (await page(location.href)).getElementById("main");
      localize(fresh);
      const [part, next] = [live(main), live(fresh)];
      // What somebody has opened or closed stays so.
      for (const old of part.querySelectorAll("details[id]")) {
        const same = next.querySelector(`#${CSS.escape(old.id)}`);
        if (same) {
          same.open = old.open;
          const [from, to] = [old.querySelector(".receipt"), same.querySelector(".receipt")];
          if (from && to) to.replaceChildren(...from.childNodes);
        }
      }
      const before = main.dataset.summary;
      if (next.innerHTML !== part.innerHTML) {
        const on = document.activeElement;
        const typing = part.contains(on) && on.type !== "checkbox" && /^(INPUT|SELECT|TEXTAREA)$/.test(on.tagName);
        // What somebody has selected stays selected.
        for (const box of part.querySelectorAll("input[form=bulk]:checked")) {
          const same = next.querySelector(`input[form=bulk][value="${CSS.escape(box.value)}"]`);
          if (same) same.checked = true;
        }
        const box = part.contains(on) && on.type === "checkbox" && on.value;
        if (!typing) {
          // What the keyboard stands on is found again by where it leads, or by whose button it is.
          const key = part.contains(on) && (on.getAttribute("href") || on.id);
          const button = part.contains(on) && on.form && [on.form.getAttribute("action"), on.value];
          const old = new Map([...part.querySelectorAll("[data-text]")].map((one) => [one.id, one.className]));
          part.replaceChildren(...next.childNodes);
          filter();
          for (const one of part.querySelectorAll("[data-text]")) {
            if (old.has(one.id) && old.get(one.id) !== one.className) one.classList.add("changed");
          }
          if (box) part.querySelector(`input[value="${CSS.escape(box)}"]`)?.focus({ preventScroll: true });
          count();
          if (key) (part.querySelector(`a[href="${CSS.escape(key)}"]`) || document.getElementById(key))?.focus({ preventScroll: true });
          if (button) {
            const same = [...part.querySelectorAll("form button")].find((one) => one.form.getAttribute("action") === button[0] && one.value === button[1]);
            same?.focus({ preventScroll: true });
          }
        }
      }
      main.dataset.summary = fresh.dataset.summary || "";
      main.toggleAttribute("data-complete", fresh.hasAttribute("data-complete"));
      if (silent) calm();
      if (before !== main.dataset.summary && main.dataset.summary) say(main.dataset.summary);
      heardOf();
    } catch { state("The node does not answer; trying again."); }
    busy = false;
    if (again) { again = false; soon(); }
  };
  // Changes come in bursts; one look shows them all.
  const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, 150); };

  if (main.hasAttribute("data-live")) {
    const wanted = main.dataset.live, id = main.dataset.liveId;
    const names = wanted === "all" ? ["availability", "resource", "notification", "delivery", "nodes", "monitor"] : wanted.split(" ");
    // Some events may have been missed: look, whatever they were about.
    const missed = () => soon();
    const heard = (event) => {
      if (id && !(event.data || "").includes(id)) return;
      soon();
    };
    let source = null;
    const listen = () => {
      source = new EventSource("/api/v1/events");
      for (const name of names) source.addEventListener(name, heard);
      source.addEventListener("reset", missed);
      source.onopen = () => { state("Live."); heardOf(); soon(); };
      source.onerror = () => {
        state("Connection lost; trying again.");
        ask();
        // After an answer other than 200 a browser gives up for good.
        if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
      };
    };
    listen();
    // "Since" and "overdue" move with time, and events may be missed: look now and then anyway.
    setInterval(() => { if (!document.hidden && !main.hasAttribute("data-complete")) soon(); }, id ? 3000 : 10000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  }

  // ---- On paper: what is folded away is printed, too -------------------------------------------
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...main.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of folded) details.open = false; folded = []; });

  // ---- At the end: own zone, and the eye on what is wrong ------------------------------------
  for (const name of document.querySelectorAll("[data-zone-name]")) if (!form || !form.contains(name)) name.textContent = zone;
  localize(document);
  document.querySelector("[data-focus]")?.focus();
  filter();
  count();
})();
