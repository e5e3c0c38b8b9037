"""Heavy imports leave the garbage collector as it was."""

import gc
import sys

import pytest

from core.libraries import import_heavy


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """A module that notes whether garbage was collected while it was imported."""
    (tmp_path / "heavy_one.py").write_text("import gc\ncollected = gc.isenabled()\n")
    (tmp_path / "broken_one.py").write_text("raise OSError('a damaged file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("heavy_one", None)
    gc.unfreeze()


def test_nothing_is_collected_meanwhile_and_everything_after(heavy):
    assert import_heavy("heavy_one").collected is False
    assert gc.isenabled() and gc.get_freeze_count() > 0


def test_a_module_that_is_there_costs_nothing(heavy):
    first = import_heavy("heavy_one")
    gc.unfreeze()
    assert import_heavy("heavy_one") is first and gc.get_freeze_count() == 0


def test_an_import_that_fails_leaves_the_collector_at_work(heavy):
    with pytest.raises(OSError, match="damaged"):
        import_heavy("broken_one")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off(heavy):
    gc.disable()
    try:
        import_heavy("heavy_one")
        assert not gc.isenabled()
    finally:
        gc.enable()
