"""Every knob can be set by its variable, and what cannot be used is refused with its name."""

import dataclasses
import typing

import pytest

from realtime.settings import Settings, UnfitSettings, variable_of

FIELDS = dataclasses.fields(Settings)
KINDS = typing.get_type_hints(Settings)


@pytest.mark.parametrize("knob", FIELDS, ids=lambda knob: knob.name)
def test_a_knob_has_a_meaning_bounds_and_a_default_inside_them(knob: "dataclasses.Field[typing.Any]") -> None:
    metadata = knob.metadata
    assert metadata["doc"]
    assert knob.name == knob.name.lower()
    name = variable_of(knob)
    assert name in ("REDIS_URL", "DATABASE_URL", "PORT") or name == f"PLENUM_{knob.name.upper()}"
    kind = KINDS[knob.name]
    if kind in (int, float):
        assert metadata["least"] is not None, "every number has a lower bound"
        assert metadata["least"] <= knob.default
        assert metadata["most"] is None or knob.default <= metadata["most"]
        with pytest.raises(UnfitSettings, match=name):
            Settings.read({name: str(metadata["least"] - 1)})
        with pytest.raises(UnfitSettings, match=name):
            Settings.read({name: "many"})
        if metadata["most"] is not None:
            with pytest.raises(UnfitSettings, match=name):
                Settings.read({name: str(metadata["most"] + 1)})
    elif kind is bool:
        read = [getattr(Settings.read({name: text}), knob.name) for text in ("1", "Yes", "FALSE", "0")]
        assert read == [True, True, False, False]
        with pytest.raises(UnfitSettings, match=name):
            Settings.read({name: "perhaps"})
    elif typing.get_args(kind):
        for choice in typing.get_args(kind):
            assert getattr(Settings.read({name: choice}), knob.name) == choice
        with pytest.raises(UnfitSettings, match=name):
            Settings.read({name: "something else"})


def test_nothing_is_mandatory_and_the_command_line_wins() -> None:
    assert Settings.read({}) == Settings()
    assert Settings.read({"PORT": "81", "HOME": "x"}).port == 81
    assert Settings.read({"PORT": "81"}, port=82).port == 82
    assert Settings.read({"PORT": "81"}, port=None).port == 81
    with pytest.raises(UnfitSettings, match="PORT"):
        Settings.read({}, port=-1)


def test_not_a_number_is_no_number() -> None:
    for text in ("nan", "inf", "-inf"):
        with pytest.raises(UnfitSettings):
            Settings.read({"PLENUM_DRAIN_SECONDS": text})


def test_secrets_are_marked() -> None:
    assert {knob.name for knob in FIELDS if knob.metadata["secret"]} >= {"redis_url", "database_url"}
