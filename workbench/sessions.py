"""What the app remembers of each page that was opened: little, and of so many pages alone.

Gradio keeps of a page that is closed what it kept while it was open, up to 10,000 of them. And of each it keeps a copy of the
whole configuration, for links that hold what stands in every field. There are none here, and that copy is most of what a page
takes: 0.7 MB, and a twentieth of a second before its first answer.
"""

from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from gradio.state_holder import SessionState, StateHolder
from starlette.routing import Mount

#: Pages that are remembered, those that were used last. One that is forgotten and comes back is told everything anew; what was
#: laid over a chart or half asked there has to be asked again.
MOST_PAGES = 200


class Session(SessionState):
    """What is remembered of one page: what its handlers keep, and the parts that they have made others.

    Attributes:
        from_start: whether this page was opened with it, so that what was never told to that page is as it was built.
    """

    def __init__(self, page: Any):
        super().__init__(SimpleNamespace(default_config=page.default_config, blocks=()))  # type: ignore[arg-type]
        self.from_start = False

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        """Nothing: there is no copy of the configuration."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing, as above."""


class Sessions(StateHolder):
    """Gradio's, with ``Session`` for each page."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data.setdefault(session_id, Session(self.blocks))
        return super().__getitem__(session_id)


def remember_little(app: FastAPI, page: Any) -> None:
    """Have the page that was mounted last on ``app`` remember no more than this module says."""
    mounted = app.routes[-1]
    assert isinstance(mounted, Mount)
    page.state_session_capacity = MOST_PAGES
    mounted.app.state_holder = Sessions()
    mounted.app.state_holder.set_blocks(page)
