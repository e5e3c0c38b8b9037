"""Starting a search on SageMaker: ``python -m core.search.sending SEARCH_DIR`` sends what its trials need, as for a
single training, and asks for the tuning job."""

import sys
from pathlib import Path

from core.aws import tuning
from core.runs.sending import Asking, main
from core.search.remote import ranges_of
from core.search.search import Search


def asking_for(search: Search) -> Asking:
    """How the tuning job of ``search`` is asked for."""
    facts = search.facts()
    return Asking(
        "search", "Asking SageMaker for the search.",
        lambda account, spec: tuning.build_request(account, spec, ranges_of(search), facts["most"], facts["at_a_time"]),
        tuning.create, tuning.describe, tuning.stop,
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    search = Search(folder, folder.parent.parent / "runs")
    sys.exit(main(search.prototype, asking_for(search)))
