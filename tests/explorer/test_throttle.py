"""Many requests lead to few drawings."""

from __future__ import annotations

import asyncio

import pytest

from modnets.explorer.throttle import Throttle


def test_ten_requests_lead_to_two_drawings_the_last_of_the_newest_state() -> None:
    state, drawn = [0], []
    redraw = Throttle(lambda: drawn.append(state[0]), debounce=True)

    async def drag() -> None:
        for value in range(1, 11):
            state[0] = value
            redraw.request()
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)

    asyncio.run(drag())
    assert drawn == [1, 10]
    assert redraw.count == 2


def test_during_training_drawings_keep_their_interval() -> None:
    drawn = []
    redraw = Throttle(lambda: drawn.append(1), interval=0.1)

    async def train() -> None:
        for _ in range(45):
            redraw.request()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)

    asyncio.run(train())
    assert 3 <= len(drawn) <= 8


def test_without_a_loop_a_pending_drawing_is_made_by_flush() -> None:
    drawn = []
    redraw = Throttle(lambda: drawn.append(1), debounce=True)
    for _ in range(10):
        redraw.request()
    assert len(drawn) == 1
    redraw.flush()
    redraw.flush()
    assert len(drawn) == 2


def test_drawing_takes_no_more_than_its_share() -> None:
    redraw = Throttle(lambda: sum(range(400_000)), share=0.1, interval=0.0)
    redraw.request()
    assert redraw.earliest > 0
    redraw.request()
    assert redraw.pending
    redraw.cancel()
    assert not redraw.pending


def test_an_error_in_drawing_is_raised_and_the_next_drawing_is_made() -> None:
    wrong = [True]

    def draw() -> None:
        if wrong[0]:
            raise RuntimeError("no ink")

    redraw = Throttle(draw, interval=0.0)
    with pytest.raises(RuntimeError, match="no ink"):
        redraw.request()
    wrong[0] = False
    redraw.request()
    assert redraw.count == 2
