// A form that was refused before, in this tab, and has not been sent since: shown again. See form.js.
(() => {
  let kept;
  const key = 'forewarn-form';
  try {
    kept = JSON.parse(sessionStorage[key]);
    // What was sent again and not refused has arrived.
    if (kept.sent) delete sessionStorage[key];
    if (kept.sent || kept.apps !== document.documentElement.dataset.apps || new URL(kept.to).origin !== location.origin) return;
  } catch { return; }
  const words = JSON.parse(document.getElementById('words').textContent);
  const make = (tag, more, ...inside) => {
    const made = Object.assign(document.createElement(tag), more);
    made.append(...inside);
    return made;
  };
  const rows = kept.parts.map(([name, value, file], at) => {
    const field = value === null ? make('input', { type: 'file', name, hidden: !file })
      : make('textarea', { name, value, dir: 'auto', readOnly: true, hidden: !value, rows: Math.min(14, value.split('\n').length + value.length / 70) });
    field.id = 'k' + at;
    return field.hidden ? field : make('p', {}, make('label', { htmlFor: field.id }, name), field, file ? ' ' + words.file.join(file) : '');
  });
  if (kept.left) rows.push(make('p', {}, words.left.join(kept.left)));
  const form = make('form', { id: 'again', method: 'post', action: kept.to, enctype: kept.as, acceptCharset: kept.set }, ...rows, make('button', {}, words.send));
  form.onsubmit = () => {
    kept.sent = true;
    sessionStorage[key] = JSON.stringify(kept);
  };
  (document.querySelector('main') || document.body).append(make('section', { id: 'typed' },
    make('h2', {}, words.typed), make('p', {}, words.before), form));
})();
