"""What tests of hostile files share: code that would leave a trace, and refusals."""

import os

import pytest
from fuzzing import outcome

from skdse._cli.errors import InputError
from skdse._cli.files import find_sources, read_samples

HUGE = 10**12
CODE = "could run any code"


class Bomb:
    """What leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("harm",)


def refusal(name):
    """Message with which a file is refused, soon and in little memory."""
    assert outcome(name, None) == "refused"
    with pytest.raises(InputError) as info:
        for source in find_sources([name]):
            read_samples(source)
    return str(info.value)
