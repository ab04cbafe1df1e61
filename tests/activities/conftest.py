"""Every activity type the registry finds, as a fixture: a new file is under the laws at once."""

import pytest

from realtime.activities.registry import Kind, installed

KINDS = installed().kinds()


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]
