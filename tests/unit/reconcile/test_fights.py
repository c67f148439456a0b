"""Fights: heals of one object that come too often are put off, ever longer."""

from __future__ import annotations

from controller.reconcile.fights import HEALS, LONGEST, WITHIN, Fights

NAME = "ConfigMap ns/a"


def test_a_handful_of_heals_is_no_fight() -> None:
    """Fewer than five within a minute, or as many spread out."""
    fights = Fights()
    for second in range(HEALS - 1):
        fights.healed([NAME], float(second))
    assert fights.fought(NAME, 4.0) == ""
    assert fights.contested(4.0) == ()

    slow = Fights()
    for number in range(3 * HEALS):
        slow.healed([NAME], number * WITHIN / 3)
    assert slow.contested(5 * WITHIN) == ()


def test_each_heal_of_a_fight_is_put_off_for_longer() -> None:
    """A minute, then two, then four, at most a quarter of an hour; all of its episodes are counted."""
    fights, now, waits = Fights(), 0.0, []
    for second in range(HEALS):
        now = float(second)
        fights.healed([NAME], now)
    for _ in range(6):
        assert fights.fought(NAME, now)
        waits.append(fights.next(now))
        now += fights.next(now)
        assert fights.fought(NAME, now) == ""
        fights.healed([NAME], now)

    assert waits == [60.0, 120.0, 240.0, 480.0, 900.0, LONGEST]
    assert "healed 11 times" in fights.fought(NAME, now)


def test_another_object_is_healed_at_once() -> None:
    """Nobody waits for a fight about something else."""
    fights = Fights()
    for second in range(HEALS):
        fights.healed([NAME], float(second))

    assert fights.fought("ConfigMap ns/b", 5.0) == ""
    assert fights.contested(5.0) == (NAME,)


def test_a_fight_is_over_when_it_was_quiet_for_longer_than_the_wait() -> None:
    """Then five heals within a minute are allowed again; somebody is told when that is."""
    fights = Fights()
    for second in range(HEALS):
        fights.healed([NAME], float(second))
    over = HEALS - 1 + 2 * WITHIN

    assert fights.contested(over - 1) == (NAME,)
    assert 0 < fights.next(over - 1) < 2
    assert fights.contested(over + 1) == ()
    assert fights.next(over + 1) == 0.0

    fights.healed([NAME], over + 1)
    assert fights.fought(NAME, over + 1) == ""
