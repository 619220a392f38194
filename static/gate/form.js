// A refused form, on the page that gives it back: the tab keeps it until it has been sent. See kept.js.
(() => {
  // By selectors: a field may have the name of any property of its form.
  const all = (css) => [...document.querySelectorAll('#again' + css)];
  const [as, set] = ['enctype', 'accept-charset'].map((name) => all('')[0].getAttribute(name));
  const kept = {
    to: location.href, apps: document.documentElement.dataset.apps, as, set,
    parts: all(' [name]').map((one) => one.type !== 'file' ? [one.name, one.value] : [one.name, null, one.hidden ? '' : one.parentNode.querySelector('b').textContent]),
    left: all(' .left b').map((name) => name.textContent).join(', '),
  };
  const keep = (sent) => {
    kept.sent = sent;
    try { sessionStorage['forewarn-form'] = JSON.stringify(kept); } catch {}
  };
  document.addEventListener('submit', (event) => {
    if (kept.sent) return event.preventDefault();
    keep(true);
  });
  // Whoever comes back to this page may send it once more.
  addEventListener('pageshow', () => keep(false));
  document.getElementById('sent')?.append(' ' + JSON.parse(document.getElementById('words').textContent).here);
})();
