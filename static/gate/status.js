// The status page looks again each minute. It loads the page anew in place, and only what has changed: whoever reads
// it, by eye or by ear, is not sent to its beginning. Comments and indents are taken out before it is sent.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { cache: 'no-store' });
    if (!answer.ok) return;
    const now = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of ['header', 'main', 'footer']) {
      const [old, other] = [document.querySelector(part), now.querySelector(part)];
      if (old.innerHTML !== other.innerHTML && !old.contains(document.activeElement)) old.innerHTML = other.innerHTML;
    }
  } catch {}
}, 60000);
