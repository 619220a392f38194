// The gate's only script, inside every page that the gate makes itself. It tells times in the
// reader's own zone, and watches for the application's return. Comments and indents are taken out.
(() => {
  const root = document.documentElement, page = root.dataset, loaded = Date.now();
  const find = (id) => document.getElementById(id);
  // A site's own page may lack some of them.
  const some = (id) => find(id) || document.createElement('p');
  const say = (text) => { if (some('status').textContent !== text) some('status').textContent = text; };
  // What the page's language says.
  const words = find('words') ? JSON.parse(find('words').textContent) : {};

  // Times, the way of the page's language, in the reader's zone. Digits as on the rest of the page.
  const lang = root.lang, own = navigator.language.startsWith(lang) ? navigator.language : lang === 'en' ? 'en-GB' : lang;
  const digits = { numberingSystem: 'latn' };
  const tell = (element) => {
    const date = new Date(element.dateTime), now = new Date();
    const today = new Intl.RelativeTimeFormat(own, { numeric: 'auto' }).format(0, 'day');
    const day = date.toDateString() === now.toDateString() ? today[0].toLocaleUpperCase(lang) + today.slice(1) : date.toLocaleDateString(own,
      { ...digits, weekday: 'long', day: 'numeric', month: 'long', year: date.getFullYear() === now.getFullYear() ? undefined : 'numeric' });
    const time = date.toLocaleTimeString(own, { ...digits, hour: 'numeric', minute: '2-digit', timeZoneName: 'short' });
    element.textContent = words.at.replace('{d}', day).replace('{t}', time);
  };
  // By the server's clock: what was left when the page was made, less the time since.
  const left = () => page.left - (Date.now() - loaded) / 1000;
  const far = (s, sign) => {
    const [n, unit] = s < 90 ? [1, 'minute'] : s < 2700 ? [s / 60, 'minute'] : s < 5400 ? [1, 'hour']
      : s < 79200 ? [s / 3600, 'hour'] : s < 129600 ? [1, 'day'] : [s / 86400, 'day'];
    return new Intl.RelativeTimeFormat(lang + '-u-nu-latn').format(sign * Math.round(n), unit);
  };
  const tick = () => {
    document.querySelectorAll('time').forEach(tell);
    if (!page.left) return;
    const seconds = left();
    some('label').textContent = seconds > 0 ? words.expected : words.overdue;
    some('far').textContent = far(Math.abs(seconds), seconds > 0 ? 1 : -1);
    const whole = (new Date(some('back').dateTime) - new Date(some('since').dateTime)) / 1000 || 1;
    const gone = Math.max(0, Math.min(1, 1 - seconds / whole)) * 100 + '%';
    some('gone').setAttribute('x2', gone);
    some('dot').setAttribute('cx', gone);
  };
  tick();
  setInterval(tick, 15000);

  // Only where the page before this one is in the browser's cache: a page that is loaded anew has
  // lost what was typed into it.
  const go = find('go'), form = find('again');
  if (go && history.length > 1 && document.referrer.startsWith(location.origin + '/')) {
    fetch(document.referrer, { cache: 'only-if-cached', mode: 'same-origin' }).then((answer) => {
      go.hidden = !answer.ok;
    }, () => {});
    go.onclick = () => history.back();
  }
  if (!page.watch) return;

  // A page that was read may be asked for again: any answer but the one it stands for replaces it.
  // Where criteria let HEAD through and not GET, the page would come back as it is: GET from then on.
  let method = 'HEAD';
  try {
    if (sessionStorage.forewarn === page.key + location) method = 'GET';
    delete sessionStorage.forewarn;
  } catch {}
  const back = () => {
    document.title = some('title').textContent = words.back;
    root.className = 'back-again';
    for (const id of ['lead', 'times', 'told', 'sent']) if (find(id)) find(id).hidden = true;
    say(form ? words.check : go && !go.hidden ? words.go : words.again);
    return true;
  };
  const ask = async () => {
    const answer = await fetch(location.href, { method, cache: 'no-store', redirect: 'manual' });
    answer.body?.cancel();
    const key = answer.status + ' ' + (answer.headers.get('Forewarn-Notification') || '');
    if (key === page.key) return false;
    // With a form on it the page stays.
    if (form) return answer.status < 500 && back();
    try { sessionStorage.forewarn = page.key + location; } catch {}
    location.reload();
    return true;
  };
  // One that was sent must never be sent again by itself: it only tells.
  const apps = async () => {
    for (const app of page.apps.split(' ')) {
      const answer = await fetch('/.forewarn/availability/' + app, { cache: 'no-store' });
      if (!answer.ok) return false;
      const told = await answer.json();
      if (!told.available || !told.admits_newcomers) return false;
    }
    return back();
  };
  const look = page.watch === 'own' ? ask : apps;
  if (form || look === apps) say(words.tells);
  const quiet = some('status').textContent;

  // From 5 s to 30 s apart, sooner on an event or when the time has come, each with some chance in
  // it, so that a crowd does not return in one instant. A page that nobody sees asks nothing.
  let wait = 5000, timer, source, busy = false, soon = false, over = false;
  const later = (delay) => {
    clearTimeout(timer);
    if (!over && !document.hidden) timer = setTimeout(check, delay * (0.75 + Math.random() / 2));
  };
  const check = async () => {
    if (busy || over) return;
    busy = true;
    soon = false;
    try {
      over = await look();
      if (!over) say(quiet);
    } catch {
      say(words.offline);
    }
    busy = false;
    if (over && source) source.close();
    wait = Math.min(wait * 1.3, 30000);
    const due = left() * 1000;
    later(soon ? 500 : due > 0 && due < wait ? due * 1.4 + 500 : wait);
  };
  // The longer it was down, the more people wait, and the further apart they return: up to a tenth of that time.
  const spread = () => {
    const since = find('since'), down = since ? Date.now() - new Date(since.dateTime) : 0;
    return Math.max(800, Math.min(down / 10, 30000));
  };
  const hurry = () => {
    if (!soon && !busy) later(200 + Math.random() * spread());
    soon = true;
  };
  const watch = () => {
    if (source) source.close();
    source = null;
    if (document.hidden || over) return clearTimeout(timer);
    if (window.EventSource && page.apps) {
      source = new EventSource('/.forewarn/events?application=' + page.apps.split(' ')[0]);
      source.onmessage = hurry;
      source.addEventListener('availability', hurry);
    }
    later(wait);
  };
  document.addEventListener('visibilitychange', () => {
    wait = 5000;
    soon = false;
    watch();
    if (!document.hidden) hurry();
  });
  watch();
})();
