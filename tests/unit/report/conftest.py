from tests.unit.evaluation.conftest import pairs, pool, vectors

__all__ = ["pairs", "pool", "vectors"]
