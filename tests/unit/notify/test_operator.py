"""What the operator is told about the register, in his language, once a day."""

from datetime import UTC, date, datetime

import pytest

from iam.kernel.language import Language
from iam.notify.operator import LateExtract, LateFeed, RegisterAlarm, Stopped, register_alarm

TODAY = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 5, 31, tzinfo=UTC)
ALL = RegisterAlarm(
    extract=LateExtract(snapshot_on=date(2026, 11, 20), hours=72),
    feed=LateFeed(produced_at=AT, hours=48),
    stopped=Stopped(at=AT, outcome="refused", reason="gap"),
)
NOTHING = RegisterAlarm(
    extract=LateExtract(snapshot_on=None, hours=72), feed=LateFeed(produced_at=None, hours=48)
)


def told(alarm, language=Language.FR):
    return register_alarm(alarm, "ops@habilis.test", language, TODAY)


@pytest.mark.parametrize("language", Language)
def test_inv_69_it_is_told_in_each_language_with_days_and_hours(language):
    whole, none = told(ALL, language), told(NOTHING, language)

    assert "20" in whole.paragraphs[0]
    assert "72" in whole.paragraphs[0]
    assert "06:31" in whole.paragraphs[1]
    assert "48" in whole.paragraphs[1]
    assert "refused, gap" in whole.paragraphs[2]
    assert len(none.paragraphs) == 2
    assert not set(whole.paragraphs) & set(none.paragraphs)
    if language is not Language.FR:
        assert not set(whole.paragraphs + none.paragraphs) & set(
            told(ALL).paragraphs + told(NOTHING).paragraphs
        )
        assert whole.subject != told(ALL).subject


def test_the_subject_says_which_of_the_two_it_is():
    stopped = told(RegisterAlarm(stopped=Stopped(at=AT, outcome="halted", reason=None)))

    assert told(ALL).subject == "Le registre n'est plus à jour"
    assert stopped.subject == "La mise à jour du registre s'est arrêtée"
    assert "(halted)" in stopped.paragraphs[0]


def test_inv_70_of_a_day_there_is_one_key_whatever_is_wrong():
    assert told(ALL).key == told(NOTHING).key == "operator:register:2026-11-24"
    assert register_alarm(ALL, "ops@habilis.test", Language.FR, date(2026, 11, 25)).key != told(ALL).key
