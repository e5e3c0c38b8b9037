"""A piece of the page drawn from HTML that the server writes, whose buttons and boxes speak back.

Gradio's own components come first; this serves what they have no shape for (checks with a fix beside them, a table that
wraps its text, a run's card). The template is constant and the value is set as ``innerHTML``, so nothing in the value is
ever evaluated as a template; whoever writes the value escapes all text with ``workbench.words.esc``.

A button or box with ``data-do`` triggers an event that carries all its ``data-`` values:

    view = html_view("<button data-do='fix' data-check='empty-text'>Leave out</button>")
    view.click(handler, ...)          # def handler(event: gr.EventData): event.do, event.check
    view.input(handler, ...)          # boxes: event.checked as well

A button with ``data-copy`` puts the text of the element of that id on the clipboard; one with ``data-to`` leads to the
element of that id on the Endpoints tab and opens the fold in it.
"""

from collections.abc import Callable

import gradio as gr

#: For events of the page's own: no public API, nothing greys out while they run, and each is one request with its answer.
#: Gradio's queue answers over one stream a page, and loses the answer (with a 404 on the page) when an event begins at the
#: moment in which that stream closes; six open tabs also exhaust the connections that a browser makes to one server.
#: With every event Gradio tells its state to each part that any event so far was to change, and copies that part and all
#: within it for it, hidden or not: with no part to tell, a page at rest needs a third of the browser's time.
QUIET = {"api_visibility": "private", "show_progress": "hidden", "show_progress_on": [], "queue": False}

#: For one whose answer is of what the page holds: asked while the one before is under way, it is asked again after it, and not
#: left out.
AGAIN = {**QUIET, "trigger_mode": "always_last"}

#: What a follower of some parts holds, by their values; see ``change_of``.
FOLLOW = "(...values) => JSON.stringify(values)"

_JS = """
const host = element.querySelector('.view');
const draw = () => {
  const focused = host.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = [...host.querySelectorAll('details[open][data-key]')].map(one => one.dataset.key);
  const scroll = [...host.querySelectorAll('[data-scroll]')].map(one => [one.dataset.scroll, one.scrollTop, one.scrollLeft]);
  host.innerHTML = props.value || '';
  for (const key of open) host.querySelector(`details[data-key="${CSS.escape(key)}"]`)?.setAttribute('open', '');
  for (const [key, top, left] of scroll) {
    const one = host.querySelector(`[data-scroll="${CSS.escape(key)}"]`);
    if (one) { one.scrollTop = top; one.scrollLeft = left; }
  }
  if (focused) host.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
};
// opens a folded card and leads to it, once it has its whole height: a busy page is slow to draw it
const lead = (id, tries, clicked, height) => {
  const card = document.getElementById(id), fold = card?.querySelector('button.label-wrap');
  const there = Boolean(fold?.offsetParent), open = there && fold.classList.contains('open');
  if (there && !open && !clicked) fold.click();
  if (tries && (!open || card.offsetHeight !== height))
    setTimeout(lead, 100, id, tries - 1, clicked || there, open ? card.offsetHeight : -1);
  else if (there) {
    fold.focus({preventScroll: true});
    card.scrollIntoView({block: 'start'});
  }
};
draw();
watch('value', draw);
host.addEventListener('click', event => {
  const text = event.target.closest('.text');
  if (text) text.classList.toggle('open');
  const copy = event.target.closest('button[data-copy]');
  if (copy) navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent).then(() => {
    copy.textContent = 'Copied';
    setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
  });
  const to = event.target.closest('button[data-to]');
  if (to) {
    [...document.querySelectorAll('[role=tab]')].find(tab => tab.textContent.trim() === 'Endpoints')?.click();
    lead(to.dataset.to, 100, false, -1);
  }
  const one = event.target.closest('button[data-do]');
  if (one && !one.disabled) trigger('click', {...one.dataset});
});
host.addEventListener('change', event => {
  const one = event.target.closest('input[data-do], select[data-do]');
  if (one) trigger('input', {...one.dataset, checked: one.checked, chosen: one.value});
});
"""


def html_view(value: str = "", **options) -> gr.HTML:
    """A ``gr.HTML`` that shows ``value`` and triggers ``click`` and ``input`` for elements with ``data-do``.

    Elements with a ``data-key`` keep focus (and ``details`` their open state) over an update.
    """
    return gr.HTML(value, html_template='<div class="view"></div>', js_on_load=_JS, apply_default_css=False, **options)


def hidden_number(label: str) -> gr.Number:
    """A whole number that the page remembers and other events wait for; like everything a page sends, it is checked where
    it is used. (A ``gr.State`` tells of its changes through the queue alone.)"""
    return gr.Number(0, precision=0, visible="hidden", label=label)


def hidden_text(label: str, value: str = "", **options) -> gr.Textbox:
    """``hidden_number`` for a text."""
    return gr.Textbox(value, visible="hidden", label=label, **options)


def change_of(*parts: gr.components.Component) -> Callable:
    """The change of any of ``parts``, as an event that one listener has to itself.

    Gradio asks the listeners of one event one after the other, each when the one before has its answer. Worse, where a part
    changes again while a listener is busy, the *whole event* is triggered anew once that listener is done; two listeners of
    one event so trigger each other for ever, with twenty requests a second from a page that nobody touches.

    Nor is a listener that is given the changes of several parts safe: where two of them change at once it is asked twice at once,
    Gradio forgets the first of the two, and its answer may come after that to a later question and stay.
    """
    follower = gr.HTML("", html_template="", js_on_load=None, visible="hidden")
    gr.on([part.change for part in parts], None, list(parts), follower, js=FOLLOW, **QUIET)
    return follower.change


def heading(title: str, beside: str = "") -> gr.HTML:
    """A card's heading, and in grey beside it the words that explain it. Our own texts only."""
    return html_view(f'<h3 class="tight">{title} <span>{beside}</span></h3>')
