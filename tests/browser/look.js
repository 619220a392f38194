// What is wrong with this page, as a list of sentences. Runs in the page, changes nothing that stays.
const wrong = [];
const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true, contentVisibilityAuto: true });
const called = (element) => `<${element.tagName.toLowerCase()}${element.id ? '#' + element.id : ''}${element.className && element.className.baseVal === undefined ? '.' + element.className : ''}> "${(element.textContent || element.value || '').trim().replace(/\s+/g, ' ').slice(0, 40)}"`;

// ---- The page
if (!document.documentElement.lang) wrong.push('no language');
if (!document.title.trim()) wrong.push('no title');
if (document.querySelectorAll('h1').length !== 1) wrong.push(`${document.querySelectorAll('h1').length} headings of the first level`);
if (!document.querySelector('main')) wrong.push('no main part');
let level = 0;
for (const heading of document.querySelectorAll('h1,h2,h3,h4,h5,h6')) {
  if (!shown(heading)) continue;
  const own = Number(heading.tagName[1]);
  if (own > level + 1) wrong.push(`${called(heading)} follows level ${level}`);
  if (!heading.textContent.trim()) wrong.push(`${called(heading)} is empty`);
  level = own;
}
const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push(`the id ${id} is there several times`);
for (const attribute of ['aria-labelledby', 'aria-describedby', 'for']) {
  for (const element of document.querySelectorAll(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(/\s+/)) {
      if (!document.getElementById(id)) wrong.push(`${called(element)}: ${attribute} names ${id}, which is not there`);
    }
  }
}

if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(document.body.textContent)) wrong.push('a control character stands in the text');

// ---- Names
for (const image of document.querySelectorAll('img')) if (!image.hasAttribute('alt')) wrong.push(`${called(image)} has no alt`);
for (const field of document.querySelectorAll('input:not([type=hidden]),select,textarea')) {
  const name = [...(field.labels || [])].map((label) => label.textContent).join('') || field.getAttribute('aria-label') || '';
  if (shown(field) && !name.trim()) wrong.push(`${called(field)} has no label`);
}
for (const active of document.querySelectorAll('a[href],button,summary')) {
  if (!(active.textContent.trim() || active.getAttribute('aria-label'))) wrong.push(`${called(active)} has no name`);
}
for (const picture of document.querySelectorAll('svg')) {
  if (picture.getAttribute('aria-hidden') !== 'true' && !picture.getAttribute('aria-label')) wrong.push('a picture is neither named nor hidden');
}

// ---- Contrast (WCAG 2.2, 1.4.3): every text against what is behind it
const colour = (text) => {
  const numbers = (text.match(/[\d.]+/g) || []).map(Number);
  return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
};
const over = (top, below) => top.rgb.map((value, i) => value * top.alpha + below[i] * (1 - top.alpha));
const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const layer = colour(getComputedStyle(at).backgroundColor);
    layers.push(layer);
    if (layer.alpha === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), canvas);
};
const light = (rgb) => {
  const [r, g, b] = rgb.map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
for (let text = texts.nextNode(); text; text = texts.nextNode()) {
  const element = text.parentElement;
  if (!text.textContent.trim() || seen.has(element) || /^(SCRIPT|STYLE|NOSCRIPT|OPTION)$/.test(element.tagName) || !shown(element)) continue;
  seen.add(element);
  const behind = ground(element);
  const ratio = contrast(over(colour(getComputedStyle(element).color), behind), behind);
  if (ratio < 4.5) wrong.push(`${called(element)} has a contrast of ${ratio.toFixed(2)}`);
}
for (const field of document.querySelectorAll('input:not([type=hidden]),select,textarea')) {
  if (!shown(field)) continue;
  const behind = ground(field), style = getComputedStyle(field);
  const ratio = contrast(over(colour(style.color), behind), behind);
  if (ratio < 4.5) wrong.push(`${called(field)} has text with a contrast of ${ratio.toFixed(2)}`);
  // 1.4.11: where a field is has to be seen, too
  if (!/^(checkbox|radio)$/.test(field.type)) {
    const edge = contrast(over(colour(style.borderTopColor), behind), ground(field.parentElement));
    if (edge < 3) wrong.push(`${called(field)} has an edge with a contrast of ${edge.toFixed(2)}`);
  }
}

// ---- Focus: seen wherever the keyboard leads
const before = document.activeElement;
for (const element of document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary')) {
  if (!shown(element) || element.disabled) continue;
  element.focus({ preventScroll: true });
  if (document.activeElement !== element) { wrong.push(`${called(element)} cannot be reached by the keyboard`); continue; }
  const style = getComputedStyle(element);
  if (!element.matches(':focus-visible') || style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) {
    wrong.push(`${called(element)} does not show its focus`);
    continue;
  }
  const ratio = contrast(over(colour(style.outlineColor), ground(element.parentElement)), ground(element.parentElement));
  if (ratio < 3) wrong.push(`${called(element)} shows its focus with a contrast of ${ratio.toFixed(2)}`);
}
before?.focus?.({ preventScroll: true });

// ---- Room: nothing is wider than the window, and what is to be hit is large enough (2.5.8)
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) {
  const out = [...document.body.querySelectorAll('*')].filter((element) => shown(element) && element.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
  wrong.push(`${wide} pixels wider than the window: ${out.slice(-3).map(called).join(', ')}`);
}
for (const element of document.querySelectorAll('button,select,summary,.button')) {
  const { width, height } = element.getBoundingClientRect();
  if (shown(element) && (width < 24 || height < 24)) wrong.push(`${called(element)} is only ${Math.round(width)} by ${Math.round(height)} pixels large`);
}
return wrong;
