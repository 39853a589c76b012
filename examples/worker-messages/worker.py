"""A long computation, for worker processes."""

from collections.abc import Iterator

STEPS = 10


# region worker
def compute(count: int) -> Iterator[int]:
    """Adds up square numbers, in a worker. Yields the progress in percent."""
    total = 0
    for step in range(STEPS):
        for number in range(count * step // STEPS, count * (step + 1) // STEPS):
            total += number * number
        yield 100 * (step + 1) // STEPS


# endregion
