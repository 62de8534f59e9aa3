"""What docs/flows/manual-dossier.md shows is what the code says."""

import re
from pathlib import Path

from iam.dossiers.model import FOLLOWS
from iam.settings import Policy, Secrets

PAGE = (Path(__file__).parents[3] / "docs" / "flows" / "manual-dossier.md").read_text(encoding="utf-8")


def test_the_states_that_are_shown_are_those_that_follow_one_another():
    shown = {
        before: set(re.findall(r"`(\w+)`", after))
        for before, after in re.findall(r"^\| `(\w+)` \| (`.*`) \|$", PAGE, re.MULTILINE)
    }

    assert shown == {state.value: {each.value for each in after} for state, after in FOLLOWS.items() if after}


def test_every_setting_is_shown_with_its_default():
    for name, field in Policy.model_fields.items():
        if name.startswith("dossier"):
            assert f"| `HABILIS_POLICY__{name.upper()}` | {field.default} |" in PAGE, name
    for name in ("dossier_key", "dossier_key_id", "dossier_previous_key"):
        assert name in Secrets.model_fields
        assert f"`HABILIS_SECRETS__{name.upper()}`" in PAGE


def test_how_long_a_document_lives_at_most_is_the_sum_that_is_shown():
    days = Policy.model_fields
    longest = sum(
        days[name].default for name in ("dossier_unsent_days", "dossier_days", "dossier_retention_days")
    )

    assert f"({longest} by default)" in PAGE
