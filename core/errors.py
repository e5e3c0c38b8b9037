"""The one kind of error that a person is meant to read."""


class WorkbenchError(Exception):
    """Something a person can mend: what happened, why, and what to do next.

    The app shows the three sentences as text; the command line prints them to standard error and exits with 2. Any
    other exception is a bug and keeps its traceback in the log.
    """

    def __init__(self, what: str, why: str = "", what_to_do: str = ""):
        super().__init__(" ".join(part for part in (what, why, what_to_do) if part))
        self.what = what
        self.why = why
        self.what_to_do = what_to_do

    def as_dict(self) -> dict[str, str]:
        """The three sentences under the names that events and JSON output use."""
        return {"what": self.what, "why": self.why, "what_to_do": self.what_to_do}
