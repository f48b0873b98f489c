"""How many cases are tried: a few in the suite, 11,000 by `make fuzz`, without end by hand.

Cases are the same in every run of 'suite' and 'fuzz'. `--hypothesis-profile=search` draws others in
each run and keeps what fails in `tests/fuzz/corpus`; a find becomes an `@example` of its test.
"""

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

_ALWAYS = {"deadline": None, "suppress_health_check": list(HealthCheck)}

settings.register_profile("suite", max_examples=60, derandomize=True, **_ALWAYS)
settings.register_profile("fuzz", max_examples=700, derandomize=True, **_ALWAYS)
settings.register_profile(
    "search",
    max_examples=20_000,
    database=DirectoryBasedExampleDatabase(Path(__file__).with_name("corpus")),
    **_ALWAYS,
)


def pytest_configure(config):
    """The small profile, unless another was asked for."""
    if not config.getoption("--hypothesis-profile", default=None):
        settings.load_profile("suite")
