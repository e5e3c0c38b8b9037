"""The pages that are not Gradio's: signing in, and words where something cannot be shown."""

from pathlib import Path

from starlette.responses import HTMLResponse

from workbench.words import esc, notice

_HERE = Path(__file__).parent
_STYLE = "".join(file.read_text(encoding="utf-8") for file in (_HERE.parent / "style.css", _HERE / "pages.css"))
_THEME = (
    "try { const chosen = localStorage.getItem('workbench-theme');"
    " if (chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches)"
    " document.documentElement.classList.add('dark'); } catch (error) { }"
)


def _page(title: str, inside: str, status: int) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{esc(title)} · Embedding Workbench</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style>'
        f'<script>{_THEME}</script></head><body><main><div class="brand"><i></i><i></i>Embedding Workbench</div>'
        f'<div class="card"><h1>{esc(title)}</h1>{inside}</div></main></body></html>',
        status, {"Cache-Control": "no-store"},
    )


def sign_in_page(action: str, wanted: str, name: str = "", trouble: str = "", status: int = 200) -> HTMLResponse:
    """The form.

    Args:
        action: where it is sent.
        wanted: the path to go to afterwards.
        name: what was typed as the name.
        trouble: why it did not work, in words.
    """
    said = notice(trouble).replace('role="status"', 'role="alert"') if trouble else ""
    focus = ("", " autofocus") if name else (" autofocus", "")
    return _page("Sign in", (
        f'{said}<form method="post" action="{esc(action)}"><input type="hidden" name="next" value="{esc(wanted)}">'
        f'<label for="name">Name</label><input id="name" name="name" value="{esc(name)}" autocomplete="username"'
        f' autocapitalize="none" maxlength="64" required{focus[0]}>'
        '<label for="password">Password</label><input id="password" name="password" type="password"'
        f' autocomplete="current-password" maxlength="256" required{focus[1]}><button>Sign in</button></form>'
    ), status)


def message_page(title: str, words: str, status: int, back: str = "") -> HTMLResponse:
    """A page that says one thing, with a link to the workbench where ``back`` names it."""
    link = f'<p><a href="{esc(back)}">To the workbench</a></p>' if back else ""
    return _page(title, f"<p>{esc(words)}</p>{link}", status)
