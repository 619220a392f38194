// The gate's only script, inside every page that the gate makes itself. It tells times in the
// reader's own zone, and watches for the application's return. Comments and indents are taken out.
(() => {
  const page = document.documentElement.dataset, loaded = Date.now();
  const find = (id) => document.getElementById(id);
  const say = (text) => { if (find('status').textContent !== text) find('status').textContent = text; };

  // Times. An English page tells them the English way, in the reader's zone.
  const language = /^en/.test(navigator.language) ? navigator.language : 'en-GB';
  const tell = (id) => {
    const element = find(id);
    if (!element) return;
    const date = new Date(element.dateTime), now = new Date();
    const day = date.toDateString() === now.toDateString() ? 'Today' : date.toLocaleDateString(language,
      { weekday: 'long', day: 'numeric', month: 'long', year: date.getFullYear() === now.getFullYear() ? undefined : 'numeric' });
    element.textContent = day + ', ' + date.toLocaleTimeString(language, { hour: 'numeric', minute: '2-digit', timeZoneName: 'short' });
  };
  // By the server's clock: what was left when the page was made, less the time since.
  const left = () => page.left - (Date.now() - loaded) / 1000;
  const far = (s) => {
    const about = (unit, name) => `about ${Math.round(s / unit)} ${name}`;
    return s < 45 ? 'less than a minute' : s < 90 ? 'about a minute' : s < 2700 ? about(60, 'minutes')
      : s < 5400 ? 'about an hour' : s < 79200 ? about(3600, 'hours') : s < 129600 ? 'about a day' : about(86400, 'days');
  };
  const tick = () => {
    tell('since');
    tell('back');
    if (!page.left) return;
    const seconds = left(), words = far(Math.abs(seconds));
    find('label').textContent = seconds > 0 ? 'Expected back' : 'Was expected back';
    find('far').textContent = seconds > 0 ? 'in ' + words : words + ' ago';
    const whole = (new Date(find('back').dateTime) - new Date(find('since').dateTime)) / 1000;
    const gone = Math.max(0, Math.min(1, 1 - seconds / whole)) * 100 + '%';
    find('gone').setAttribute('x2', gone);
    find('dot').setAttribute('cx', gone);
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
    document.title = find('title').textContent = page.app + ' is back';
    document.documentElement.className = 'back-again';
    for (const id of ['lead', 'times', 'told', 'sent']) if (find(id)) find(id).hidden = true;
    say(page.app + ' is back. ' + (form ? 'Check what you typed, and send it again.'
      : go && !go.hidden ? 'Go back, check what you typed, and send it again.' : 'Please send your message again.'));
    return true;
  };
  const own = async () => {
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
  const look = page.watch === 'own' ? own : apps;
  if (form || look === apps) say('You can leave this page open: it tells you when ' + page.app + ' is back.');
  const quiet = find('status').textContent;

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
      say('No connection just now. This page keeps trying.');
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
