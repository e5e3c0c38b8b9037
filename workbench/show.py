"""The view for showing to a room: one thing at a time in large type, stepped through with the arrow keys.

It is the same page with everything else hidden, so that what is typed and what is drawn is what the tab holds.
"""

#: The script of the button that opens it. The steps are elements of the Compare tab: (id, what the map does on entering).
SHOW = """() => {
  const steps = [['show-verdict', ''], ['show-texts', ''], ['show-map', 'before'], ['show-map', 'morph']];
  const opened = document.activeElement;
  // both places: Gradio sharpens the page's own style rules, but only those for what is inside its tabs
  const places = [document.body, document.getElementById('tabs')];
  let at = -1;
  const map = action => {
    const slider = document.querySelector('#map input[type=range]'), play = document.querySelector('#map .play');
    if (action === 'before') { slider.value = 0; slider.dispatchEvent(new Event('input')); }
    if (action === 'morph') play.click();
  };
  const go = to => {
    const next = Math.min(steps.length - 1, Math.max(0, to));
    if (next === at) return;
    at = next;
    for (const one of document.querySelectorAll('.show-now')) one.classList.remove('show-now');
    const [id, action] = steps[at];
    const card = document.getElementById(id);
    card.classList.add('show-now');
    hint.textContent = `${at + 1} of ${steps.length} · arrow keys · Esc leaves`;
    if (action) setTimeout(() => map(action), 350);   // once the chart has its new size
    if (id === 'show-texts') card.querySelector('textarea, input')?.focus(); else document.activeElement?.blur();
    window.scrollTo(0, 0);
  };
  const keys = event => {
    const typing = event.target.matches?.('textarea, input:not([type=range])');
    const beside = typing ? {} : {ArrowRight: 1, ArrowLeft: -1, ' ': 1};
    const by = {PageDown: 1, ArrowDown: 1, PageUp: -1, ArrowUp: -1, ...beside}[event.key];
    if (event.key === 'Escape') leave();
    else if (by) go(at + by);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const left = () => { if (!document.fullscreenElement) leave(); };
  const leave = () => {
    document.removeEventListener('keydown', keys, true);
    document.removeEventListener('fullscreenchange', left);
    for (const one of places) one.classList.remove('showing');
    for (const one of document.querySelectorAll('.show-now')) one.classList.remove('show-now');
    hint.remove();
    if (document.fullscreenElement) document.exitFullscreen();
    opened?.focus();
    opened?.scrollIntoView({block: 'nearest'});
  };
  const hint = document.createElement('button');
  hint.className = 'show-hint';
  hint.addEventListener('click', () => { at + 1 < steps.length ? go(at + 1) : leave(); });
  document.body.append(hint);
  for (const one of places) one.classList.add('showing');
  document.addEventListener('keydown', keys, true);
  document.documentElement.requestFullscreen?.().then(() => document.addEventListener('fullscreenchange', left)).catch(() => {});
  go(0);
}"""
