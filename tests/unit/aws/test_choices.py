"""What the person chose is kept, and a damaged file loses no more than that."""

import pytest

from core.aws.choices import Choices, read_choices, save_choices
from core.workspace import Workspace


def test_choices_are_kept(tmp_path):
    workspace = Workspace.at(tmp_path)
    assert read_choices(workspace) == Choices()
    save_choices(workspace, Choices("work", "eu-central-1", None, "my-own"))
    assert read_choices(workspace) == Choices("work", "eu-central-1", None, "my-own")


@pytest.mark.parametrize("text", ["", "[]", '{"profile": 3, "region": "", "other": "x"}'])
def test_a_damaged_file_is_no_choice(tmp_path, text):
    (tmp_path / "aws.json").write_text(text)
    assert read_choices(Workspace.at(tmp_path)) == Choices()
