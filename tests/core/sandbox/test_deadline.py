import time

import pytest

from core.sandbox.deadline import PATIENCE, TimeLimitReached, time_limit


def test_a_loop_is_ended_and_the_next_call_is_not():
    with pytest.raises(TimeLimitReached), time_limit(0.05):
        while True:
            pass
    with time_limit(0.05):
        pass
    time.sleep(0.1)


def test_code_that_swallows_it_is_told_of():
    heard = []

    def hear(seconds):
        heard.append(seconds)
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"), time_limit(0.05, deaf=hear):
        swallowed = 0
        while True:
            try:
                while True:
                    pass
            except TimeLimitReached:
                swallowed += 1
                assert swallowed <= PATIENCE
    assert heard == [0.05]


def test_it_waits_while_something_else_has_a_limit_of_its_own():
    waits = [True, True, False]
    started = time.monotonic()
    with pytest.raises(TimeLimitReached), time_limit(0.05, unless=lambda: waits.pop(0)):
        while True:
            pass
    assert time.monotonic() - started >= 1.0
