"""Declared parameters are really accepted by the DSPy classes; a renamed one after an upgrade fails here."""

import inspect

import dspy
import dspy.teleprompt
import gepa
import pytest

from core.optimizers import registry

SUPPLIED = {"self", "student", "trainset", "valset", "programs", "args", "kwargs", "_kwargs", "teacher"}
BEHIND_KWARGS = {"InferRules": dspy.BootstrapFewShot, "KNNFewShot": dspy.BootstrapFewShot}


def _accepted(function):
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


@pytest.fixture(params=registry.names())
def declared(request):
    spec = registry.get(request.param).spec
    cls = getattr(dspy.teleprompt, spec.name)
    init = _accepted(cls.__init__)
    if spec.name in BEHIND_KWARGS:
        init = {**_accepted(BEHIND_KWARGS[spec.name].__init__), **init}
    return spec, {
        "init": init,
        "compile": _accepted(cls.compile),
        "gepa": _accepted(gepa.optimize),
        "ours": None,
    }


def test_declared_parameters_are_taken_where_they_go(declared):
    spec, places = declared
    for parameter in spec.parameters:
        if parameter.goes_to != "ours":
            assert parameter.name in places[parameter.goes_to], f"{spec.name}.{parameter.name}"


def test_every_argument_is_a_parameter_or_explained(declared):
    spec, places = declared
    known = {parameter.name for parameter in spec.parameters} | set(spec.not_exposed) | SUPPLIED | {"seed"}
    assert set(places["init"]) <= known
    assert set(places["compile"]) <= known


def test_defaults_are_those_of_dspy_unless_said(declared):
    spec, places = declared
    ours = {("GEPA", "auto"), ("KNNFewShot", "k"), ("BootstrapFewShotWithOptuna", "max_demos")}
    for parameter in spec.parameters:
        if parameter.goes_to == "ours" or (spec.name, parameter.name) in ours:
            continue
        assert places[parameter.goes_to][parameter.name].default == parameter.default, parameter.name
