// For the pages of an application: <script src="/.forewarn/forewarn.js" defer></script>
// A quiet bar before and while this application is closed, or one that a form on this page posts to; while it is
// shown, what is typed is kept in this tab. Comments and indents are taken out before it is sent: at most 4 KB.
(() => {
  // Once, also where a page includes it and the gate puts it in.
  if (self.forewarn) return;
  self.forewarn = 1;
  const words = WORDS, doc = document, key = 'forewarn-typed:' + location.pathname;
  const before = (doc.currentScript?.dataset.before || 60) * 60000;
  let bar, shown, closed, timer;

  // What is typed. A field is found again by its place and its name.
  const fields = () => [...doc.querySelectorAll('textarea[name],input[name]')].filter((f) => f.type === 'textarea'
    || /^(text|email|search|url|tel|number|date|time|datetime-local)$/.test(f.type) && !/cc-|one-time/.test(f.autocomplete)
    && !words.secret.some((word) => f.name.toLowerCase().includes(word)));
  const keep = () => {
    const typed = fields().map((f, at) => [at + f.name, f.value, f.defaultValue]).filter((f) => closed && f[1] !== f[2]);
    try { typed[0] ? sessionStorage[key] = JSON.stringify(typed) : delete sessionStorage[key]; } catch {}
  };
  const restore = () => {
    try {
      const typed = new Map(JSON.parse(sessionStorage[key]));
      return fields().filter((f, at) => typed.has(at + f.name) && f.value === f.defaultValue && (f.value = typed.get(at + f.name))).length;
    } catch {}
  };

  // The bar lies over the page's end and moves nothing. Its looks are set by script: strict policies allow that.
  const show = (text, note) => {
    if (!bar) {
      const make = (tag, css, inside) => {
        const made = doc.createElement(tag);
        made.style.cssText = css;
        inside.append(made);
        return made;
      };
      const host = make('div', 'all:initial;position:fixed;inset:auto 0 0;z-index:2147483647', doc.body);
      host.lang = words.lang;
      const root = host.attachShadow({ mode: 'open' });
      const row = make('div', 'display:flex;gap:1em;align-items:center;justify-content:center;padding:.6em 1em;background:#1d2624;color:#fff;font:15px/1.4 system-ui,sans-serif;direction:' + words.dir, root);
      bar = { host, text: make('span', '', row), told: make('span', 'position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)', root) };
      bar.text.ariaHidden = true;
      bar.told.role = 'status';
      const close = make('button', 'font:inherit;color:inherit;background:none;border:1px solid;border-radius:4px', row);
      close.textContent = words.close;
      close.onclick = () => row.remove();
    }
    bar.text.textContent = text + ' ' + note;
    // Screen readers hear it once for each thing that happens, and not the countdown.
    return (what) => {
      if (shown !== what) bar.told.textContent = text;
      shown = what;
    };
  };
  const far = (ms) => {
    const m = Math.abs(ms) / 60000, [n, unit] = m < 90 ? [m, 'minute'] : m < 2160 ? [m / 60, 'hour'] : [m / 1440, 'day'];
    return new Intl.RelativeTimeFormat(words.lang + '-u-nu-latn').format(Math.sign(ms) * Math.max(1, Math.round(n)), unit);
  };
  const tell = (apps) => {
    const now = Date.now(), until = (app) => Date.parse(app.bar.at) - now;
    const next = closed = apps.find((app) => app.bar?.down) || apps.find((app) => app.bar && until(app) < before);
    if (next) {
      const { text, back, down } = next.bar;
      // As the reader writes times; with the day where it is not today.
      const then = new Date(back || 0), day = then.toDateString() === new Date().toDateString() ? undefined : 'medium';
      const own = navigator.language.startsWith(words.lang) ? navigator.language : words.lang;
      const at = then.toLocaleString(own, { timeStyle: 'short', dateStyle: day, numberingSystem: 'latn' });
      const said = text.replace('{back}', at).replace('{distance}', () => far(until(next)));
      show(said, fields()[0] ? words.kept : '')(down + next.application);
    } else {
      bar?.host.remove();
      bar = shown = '';
    }
    keep();
  };
  const look = async () => {
    clearTimeout(timer);
    if (!doc.hidden) try {
      const to = [...doc.forms].map((form) => new URL(form.getAttribute('action') || '', location)).filter((to) => to.origin === location.origin);
      const paths = [...new Set([location, ...to].map((to) => 'path=' + encodeURIComponent(to.pathname)))].slice(0, 8);
      const answer = await fetch('/.forewarn/availability?' + paths.join('&'));
      if (answer.ok) tell((await answer.json()).applications);
    } catch {}
    timer = setTimeout(look, (closed ? 15000 : 45000) * (0.75 + Math.random() / 2));
  };
  addEventListener('input', () => closed && keep());
  addEventListener('pagehide', keep);
  addEventListener('visibilitychange', look);
  addEventListener('submit', (event) => setTimeout(() => {
    if (event.defaultPrevented) return;
    closed = 0;
    keep();
  }));
  if (restore()) {
    show(words.restored, '')('');
    setTimeout(look, 5000);
  } else look();
})();
